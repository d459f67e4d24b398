//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Reads a data file into examples.
///
/// No row is ever left out: what cannot be read is an error that names its line.
package struct DatasetReader: Sendable {
    package let options: DatasetOptions

    package init(_ options: DatasetOptions) {
        self.options = options
    }

    /// Reads a file; its name is what errors call it.
    package func read(_ path: String) throws(DatasetError) -> Dataset {
        try parse(Self.contents(of: path), source: path)
    }

    /// Reads a file's bytes: no I/O, what a fuzzer drives.
    /// - Parameter source: the file's name, which also tells its format where the options do not.
    package func parse(_ bytes: [UInt8], source: String) throws(DatasetError) -> Dataset {
        let format = try format(of: source)
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard bytes.count > start else {
            throw DatasetError(.empty, source: source, "the file is empty; expected at least one row")
        }
        try requireUTF8(bytes, source: source)
        var rows: Rows
        switch format {
        case .tsv, .csv:
            rows = try delimitedRows(
                of: DelimitedRecords(
                    bytes, from: start, delimiter: format == .tsv ? 0x09 : 0x2C,
                    quoting: options.quoting ?? (format == .csv), source: source),
                source: source)
        case .jsonl: rows = try objectRows(of: bytes, from: start, source: source)
        }
        guard !rows.examples.isEmpty else {
            throw DatasetError(
                .empty, source: source,
                format != .jsonl && options.header
                    ? "the file has a header and no row; set task.header to false if its first line is a row"
                    : "the file has no row")
        }
        return Dataset(source: source, examples: rows.examples, lines: rows.lines)
    }

    private func format(of source: String) throws(DatasetError) -> DataFormat {
        if let format = options.format ?? DataFormat(fileName: source) {
            return format
        }
        throw DatasetError(
            .description, source: source,
            "the name does not tell the format (.tsv .tab .txt .csv .jsonl .ndjson); "
                + "set task.format to tsv, csv or jsonl"
        )
    }

    private func requireUTF8(_ bytes: [UInt8], source: String) throws(DatasetError) {
        guard let fault = UTF8Validation.firstFault(in: bytes) else {
            return
        }
        let line = bytes[..<fault].reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
        let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        throw DatasetError(
            .encoding, source: source, line: line,
            "the byte 0x\(String(bytes[fault], radix: 16, uppercase: true)) at offset \(fault) is not UTF-8; "
                + (isUTF16
                    ? "the file looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8"
                    : "convert the file, for example with iconv -f WINDOWS-1252 -t UTF-8"))
    }
}

extension DatasetReader {
    /// The bytes of a file of at most `DataLimits.fileByteCount`.
    package static func contents(of path: String) throws(DatasetError) -> [UInt8] {
        do {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: URL(filePath: path).resolvingSymlinksInPath().path)
            if let size = attributes[.size] as? NSNumber, size.intValue > DataLimits.fileByteCount {
                throw DatasetError(
                    .tooLarge, source: path,
                    "the file has \(size) bytes, and at most \(DataLimits.fileByteCount) are read")
            }
            if attributes[.type] as? FileAttributeType == .typeDirectory {
                throw DatasetError(.unreadable, source: path, "this is a folder; expected a data file")
            }
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch let error as DatasetError {
            throw error
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            throw DatasetError(.unreadable, source: path, "there is no such file")
        } catch {
            throw DatasetError(.unreadable, source: path, "the file cannot be read: \(error.localizedDescription)")
        }
    }
}
