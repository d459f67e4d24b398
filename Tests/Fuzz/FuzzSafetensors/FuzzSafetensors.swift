//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

// The header of a safetensors file. The input is the file: 8 bytes of length, JSON, data.

/// Keeps what was read from being optimised away.
nonisolated(unsafe) private var total = 0

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzSafetensors(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let file = UnsafeRawBufferPointer(start: bytes, count: count)
    do {
        let header = try SafetensorsHeader.parse(file, file: "input")
        for entry in header.entries {
            precondition(
                entry.byteRange.lowerBound >= 8 && entry.byteRange.upperBound <= count,
                "\(entry.name) lies at \(entry.byteRange) of \(count)")
            // Every byte of every tensor is in the file.
            total &+= entry.byteRange.reduce(0) { $0 &+ Int(file[$1]) }
        }
        total &+= header.metadata.count
    } catch {
        total &+= error.description.utf8.count
    }
    return 0
}
