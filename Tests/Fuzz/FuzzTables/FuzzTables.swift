//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets

// TSV, CSV and JSONL files. The first byte chooses format and options, the rest is the file.

/// Keeps what was read from being optimised away.
nonisolated(unsafe) private var total = 0

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzTables(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let bytes, count >= 1 else {
        return 0
    }
    let choice = Int(bytes[0])
    let file = Array(UnsafeBufferPointer(start: bytes + 1, count: count - 1))
    let format = DataFormat.allCases[choice % 3]
    let isNamed = choice & 4 != 0 || format == .jsonl
    let columns = DataColumns(
        text: isNamed ? ColumnSelector("text") : ColumnSelector(0),
        textPair: choice & 8 == 0 ? nil : isNamed ? ColumnSelector("pair") : ColumnSelector(2),
        label: choice & 16 == 0 ? nil : isNamed ? ColumnSelector("label") : ColumnSelector(1))
    let options = DatasetOptions(
        format: format, header: choice & 4 != 0, quoting: choice & 32 == 0 ? nil : choice & 64 == 0,
        columns: columns, kind: choice & 128 == 0 ? .classification : .regression)
    do {
        let dataset = try DatasetReader(options).parse(file, source: "input")
        precondition(
            dataset.examples.count == dataset.lines.count,
            "\(dataset.examples.count) examples of \(dataset.lines.count) lines")
        for (place, example) in dataset.examples.enumerated() {
            precondition(Int(example.index) == place, "example \(example.index) at \(place)")
            total &+= example.text.utf8.count
        }
    } catch {
        total &+= error.description.utf8.count
    }
    return 0
}
