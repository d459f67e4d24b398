//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import Tensors
import Testing

private func refusal(_ body: () throws -> Void) -> TensorFileError? {
    do {
        try body()
        return nil
    } catch {
        return error as? TensorFileError
    }
}

private func write(_ tensors: [String: [Float]], to path: String) throws {
    var writer = SafetensorsWriter()
    for (name, values) in tensors {
        writer.add(name, shape: [values.count], Matrix(rows: 1, columns: values.count, values: values))
    }
    try writer.write(to: path)
}

struct ModelWeightsTests {
    @Test("a folder with one file is read, and wrong requests are refused with near names")
    func single() throws {
        try withFolder { folder in
            try write(
                ["bert.pooler.dense.bias": [1, 2], "bert.pooler.dense.weight": [3]], to: folder + "/model.safetensors")
            let weights = try ModelWeights(folder: folder)
            #expect(try weights.tensor("bert.pooler.dense.bias", shape: [2]).values == [1, 2])
            #expect(weights.names == ["bert.pooler.dense.bias", "bert.pooler.dense.weight"])
            try weights.requireFinite()
            let missing = refusal { _ = try weights.tensor("bert.pooler.dense.bais", shape: [2]) }
            #expect(missing?.code == .missingTensor)
            #expect(missing?.message.contains("near it: bert.pooler.dense.bias") == true)
            #expect(
                refusal { _ = try weights.tensor("bert.pooler.dense.bias", shape: [1, 2]) }?.code == .unexpectedShape)
        }
    }

    @Test("integer tensors are skipped by who does not ask and refused as weights")
    func integers() throws {
        try withFolder { folder in
            let header = "{\"position_ids\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[0,16]}}"
            try Data(safetensorsBytes(header, data: 16)).write(to: URL(fileURLWithPath: folder + "/model.safetensors"))
            let weights = try ModelWeights(folder: folder)
            try weights.requireFinite()
            let error = refusal { _ = try weights.tensor("position_ids", shape: [1, 2]) }
            #expect(error?.code == .unexpectedElementType)
        }
    }

    @Test("a weight that is not a number is refused with tensor and index")
    func notFinite() throws {
        try withFolder { folder in
            try write(["a": [1, 2, 3], "b": [0, .nan, 0]], to: folder + "/model.safetensors")
            let weights = try ModelWeights(folder: folder)
            let error = refusal { try weights.requireFinite() }
            #expect(error?.code == .notFinite)
            #expect(error?.message.contains("tensor b of shape [3]: element 1") == true)
        }
    }

    @Test("shards are read by their index, and an index that does not agree with them is refused")
    func shards() throws {
        try withFolder { folder in
            try write(["a": [1], "b": [2]], to: folder + "/model-1.safetensors")
            try write(["c": [3]], to: folder + "/model-2.safetensors")
            let path = folder + "/model.safetensors.index.json"
            func index(_ map: String) throws -> TensorFileError? {
                try AtomicFile.write("{\"metadata\": {\"total_size\": 12}, \"weight_map\": \(map)}", to: path)
                return refusal { _ = try ModelWeights(folder: folder) }
            }
            let first = "\"model-1.safetensors\""
            let second = "\"model-2.safetensors\""
            #expect(try index("{\"a\": \(first), \"b\": \(first), \"c\": \(second)}") == nil)
            #expect(try ModelWeights(folder: folder).tensor("c", shape: [1]).values == [3])
            #expect(try index("{\"a\": \(first), \"b\": \(first), \"c\": \(first)}")?.code == .missingTensor)
            #expect(try index("{\"a\": \(first), \"c\": \(second)}")?.code == .badIndex)
            #expect(try index("{\"a\": \"../x.safetensors\"}")?.code == .badIndex)
            #expect(try index("{\"a\": \"model.bin\"}")?.code == .badIndex)
            #expect(try index("{\"a\": \"gone.safetensors\"}")?.code == .inputOutput)
            #expect(try index("{\"a\": 1}")?.code == .badIndex)
            #expect(try index(String(repeating: "[", count: 100_000))?.code == .badIndex)
            try write(["c": [3], "a": [1]], to: folder + "/model-2.safetensors")
            #expect(try index("{\"a\": \(first), \"b\": \(first), \"c\": \(second)}")?.code == .badIndex)
        }
    }

    @Test("a folder without safetensors is refused; a pickle alone with what to do")
    func noWeights() throws {
        try withFolder { folder in
            #expect(refusal { _ = try ModelWeights(folder: folder + "/none") }?.code == .noWeights)
            #expect(refusal { _ = try ModelWeights(folder: folder) }?.code == .noWeights)
            try AtomicFile.write("x", to: folder + "/pytorch_model.bin")
            let error = refusal { _ = try ModelWeights(folder: folder) }
            #expect(error?.code == .noWeights)
            #expect(error?.message.contains("save_pretrained") == true)
        }
    }
}
