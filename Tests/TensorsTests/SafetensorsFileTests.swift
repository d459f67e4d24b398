//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import Tensors
import Testing

/// A folder of its own that is gone afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "/tensors-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

private func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

private func code(_ body: () throws -> Void) -> TensorFileError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? TensorFileError)?.code
    }
}

struct SafetensorsFileTests {
    @Test("what the writer writes the reader reads, and the bytes do not depend on the order of adding")
    func roundTrip() throws {
        try withFolder { folder in
            let wide = Matrix(rows: 3, columns: 5, values: (0..<15).map { Float($0) - 7.5 })
            var first = SafetensorsWriter()
            first.add("b.weight", shape: [3, 2], wide.columns(1..<3))
            first.add("a \"quoted\" \u{e9}\n", shape: [5], wide.rows(1..<2))
            first.add("a", shape: [1, 1, 15], wide)
            try first.write(to: folder + "/first.safetensors")
            var second = SafetensorsWriter()
            second.add("a", shape: [1, 1, 15]) { workspace in
                let copy = workspace.matrix(rows: 3, columns: 5)
                copy.copy(from: wide)
                return copy
            }
            second.add("a \"quoted\" \u{e9}\n", shape: [5], wide.rows(1..<2))
            second.add("b.weight", shape: [3, 2], wide.columns(1..<3))
            try second.write(to: folder + "/second.safetensors")
            let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/first.safetensors"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/second.safetensors")) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)

            let file = try SafetensorsFile(path: folder + "/first.safetensors")
            #expect(file.names == ["a", "a \"quoted\" \u{e9}\n", "b.weight"])
            #expect(file.header.metadata == ["format": "pt"])
            #expect(file.header.entries[0].byteRange.lowerBound % 8 == 0)
            #expect(file["b.weight"]?.shape == [3, 2])
            #expect(file["b.weight"]?.values == wide.columns(1..<3).values)
            #expect(file["a"]?.values == wide.values)
            #expect(file["c"] == nil)
        }
    }

    @Test("the bytes are those of the reference implementation")
    func knownBytes() throws {
        try withFolder { folder in
            var writer = SafetensorsWriter()
            writer.add("w", shape: [2], Matrix(rows: 1, columns: 2, values: [1, -2]))
            try writer.write(to: folder + "/w.safetensors")
            // safetensors.torch.save({"w": torch.tensor([1., -2.])}, {"format": "pt"}), safetensors 0.8
            let header =
                "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
            let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
            let expected = safetensorsBytes(padded) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
            #expect(try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/w.safetensors"))) == expected)
        }
    }

    @Test("F32 is a view of the file, F16 and BF16 come from the workspace, and an odd address is no obstacle")
    func viewsAndCopies() throws {
        try withFolder { folder in
            // One byte in front makes every following tensor start at an odd address.
            for odd in [0, 1] {
                let header = """
                    {"pad":{"dtype":"U8","shape":[\(odd)],"data_offsets":[0,\(odd)]},\
                    "f32":{"dtype":"F32","shape":[2],"data_offsets":[\(odd),\(odd + 8)]},\
                    "f16":{"dtype":"F16","shape":[2],"data_offsets":[\(odd + 8),\(odd + 12)]},\
                    "bf16":{"dtype":"BF16","shape":[2,1],"data_offsets":[\(odd + 12),\(odd + 16)]}}
                    """
                let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
                let data: [UInt8] =
                    [UInt8](repeating: 9, count: odd) + [
                        0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0x3C, 0, 0xC0, 0x80, 0x3F, 0, 0xC0,
                    ]
                let path = folder + "/odd\(odd).safetensors"
                try write(safetensorsBytes(padded) + data, to: path)
                let file = try SafetensorsFile(path: path)
                let workspace = Workspace(blockSize: 16)
                for (name, rows) in [("f32", 1), ("f16", 1), ("bf16", 2)] {
                    let tensor = try #require(file[name])
                    workspace.scope {
                        let matrix = tensor.matrix(in: workspace)
                        #expect(matrix.rowCount == rows && matrix.columnCount == 2 / rows)
                        #expect(matrix.values == [1, -2])
                    }
                    #expect(tensor.values == [1, -2])
                    #expect(tensor.firstNonFinite == nil)
                }
                #expect(file["pad"]?.dtype.isWeight == false)
            }
        }
    }

    @Test("a matrix outlives the file object it came from")
    func lifetime() throws {
        try withFolder { folder in
            var writer = SafetensorsWriter()
            writer.add("w", shape: [1, 3], Matrix(rows: 1, columns: 3, values: [1, 2, 3]))
            try writer.write(to: folder + "/w.safetensors")
            func view() throws -> Matrix {
                try #require(try SafetensorsFile(path: folder + "/w.safetensors")["w"]).matrix(in: Workspace())
            }
            #expect(try view().values == [1, 2, 3])
        }
    }

    @Test("files that cannot be opened are refused with the reason")
    func unreadable() throws {
        try withFolder { folder in
            #expect(code { _ = try SafetensorsFile(path: folder + "/none") } == .inputOutput)
            #expect(code { _ = try SafetensorsFile(path: folder) } == .inputOutput)
            try write([], to: folder + "/empty")
            #expect(code { _ = try SafetensorsFile(path: folder + "/empty") } == .truncated)
            #expect(throws: FileError.self) { try SafetensorsWriter().write(to: folder + "/no/such/folder") }
        }
    }
}
