//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files

/// Writes F32 tensors as a safetensors file whose bytes are a function of names, shapes and values alone.
///
/// As the reference implementation's `save_file` from PyTorch: tensors in the order of their names, `__metadata__`
/// `{"format": "pt"}` in front, no spaces in the JSON, and spaces behind it up to a multiple of 8 bytes.
package struct SafetensorsWriter {
    private struct Entry {
        let name: String
        let shape: [Int]
        let matrix: (Workspace) -> Matrix
    }

    private var entries: [Entry] = []

    package init() {}

    /// Adds a tensor.
    /// - Parameters:
    ///   - shape: The shape that the file states; a matrix [1, n] may be a vector [n].
    ///   - matrix: Gives the elements when the file is written; what it takes from the workspace lives until then.
    package mutating func add(_ name: String, shape: [Int], _ matrix: @escaping (Workspace) -> Matrix) {
        entries.append(Entry(name: name, shape: shape, matrix: matrix))
    }

    /// Adds a tensor whose elements are at hand.
    package mutating func add(_ name: String, shape: [Int], _ matrix: Matrix) {
        precondition(
            shape.reduce(1, *) == matrix.count,
            "tensor \(name) of shape \(shape) from [\(matrix.rowCount), \(matrix.columnCount)]")
        add(name, shape: shape) { _ in matrix }
    }

    /// Writes the file at `path`, atomically.
    /// - Precondition: Every name was added once.
    /// - Throws: `FileError`.
    package func write(to path: String) throws {
        let sorted = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let workspace = Workspace()
        try AtomicFile.replace(path) { file in
            try file.write(Self.header(of: sorted))
            for entry in sorted {
                try workspace.scope {
                    let matrix = entry.matrix(workspace)
                    precondition(
                        matrix.count == entry.shape.reduce(1, *),
                        "tensor \(entry.name) of shape \(entry.shape) from [\(matrix.rowCount), \(matrix.columnCount)]")
                    for row in 0..<matrix.rowCount {
                        try matrix.withRow(row) { try file.write(UnsafeRawBufferPointer($0)) }
                    }
                }
            }
        }
    }

    private static func header(of entries: [Entry]) -> [UInt8] {
        var json = "{\"__metadata__\":{\"format\":\"pt\"}"
        var offset = 0
        var previous: String?
        for entry in entries {
            precondition(entry.name != previous && entry.name != SafetensorsHeader.metadataName, entry.name)
            previous = entry.name
            let end = offset + entry.shape.reduce(MemoryLayout<Float>.size, *)
            let shape = entry.shape.map(String.init).joined(separator: ",")
            json +=
                ",\(quoted(entry.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
            offset = end
        }
        json += "}"
        var bytes = Array(json.utf8)
        bytes.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - bytes.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) } + bytes
    }

    private static func quoted(_ name: String) -> String {
        var result = "\""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
