//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation
import LoRA
import Tensors
import Testing
import Transformer

/// Adapter folders that must not be half understood.
struct PEFTRefusalTests {
    /// The adapter `small` with changed files.
    static func refused(
        configuration change: (String) -> String = { $0 }, weights: (inout [String: FrozenTensor]) -> Void = { _ in },
        replacing: [String: ([Int], [Float])] = [:]
    ) throws -> LoRAError? {
        try withFolder { folder in
            let source = Vectors.adapter("small")
            let text = try String(contentsOfFile: "\(source)/adapter_config.json", encoding: .utf8)
            try AtomicFile.write(change(text), to: "\(folder)/adapter_config.json")
            let file = try SafetensorsFile(path: "\(source)/adapter_model.safetensors")
            var tensors = Dictionary(
                uniqueKeysWithValues: file.names.compactMap { name in file[name].map { (name, $0) } })
            weights(&tensors)
            var writer = SafetensorsWriter()
            for (name, tensor) in tensors where replacing[name] == nil {
                writer.add(name, shape: tensor.shape) { tensor.matrix(in: $0) }
            }
            for (name, (shape, values)) in replacing {
                writer.add(name, shape: shape, Matrix(rows: 1, columns: values.count, values: values))
            }
            try writer.write(to: "\(folder)/adapter_model.safetensors")
            return refusal { _ = try read(folder) }
        }
    }

    static func read(_ folder: String) throws -> PEFTAdapter {
        try PEFTAdapter(
            folder: folder, configuration: EncoderConfiguration(folder: Vectors.model("small")),
            fingerprint: { Digest(of: [UInt8(0)]) })
    }

    /// Key, the value that PEFT may write for it, and the code it is refused with; nil: it changes nothing.
    static let values: [(String, String, LoRAError.Code?)] = [
        ("use_dora", "true", .unsupportedAdapter),
        ("use_qalora", "true", .unsupportedAdapter),
        ("lora_bias", "true", .unsupportedAdapter),
        ("fan_in_fan_out", "true", .unsupportedAdapter),
        ("bias", "\"all\"", .unsupportedAdapter),
        ("bias", "\"lora_only\"", .unsupportedAdapter),
        ("rank_pattern", "{\"query\": 2}", .unsupportedAdapter),
        ("alpha_pattern", "{\"query\": 2}", .unsupportedAdapter),
        ("exclude_modules", "[\"query\"]", .unsupportedAdapter),
        ("layers_pattern", "\"layer\"", .unsupportedAdapter),
        ("layer_replication", "[[0, 1]]", .unsupportedAdapter),
        ("target_parameters", "[\"x\"]", .unsupportedAdapter),
        ("trainable_token_indices", "[1]", .unsupportedAdapter),
        ("alora_invocation_tokens", "[1]", .unsupportedAdapter),
        ("arrow_config", "{\"top_k\": 3}", .unsupportedAdapter),
        ("use_bdlora", "{\"nblocks\": 3}", .unsupportedAdapter),
        ("corda_config", "{\"x\": 1}", .unsupportedAdapter),
        ("some_future_key", "\"on\"", .unsupportedAdapter),
        ("init_lora_weights", "\"pissa\"", .unsupportedAdapter),
        ("init_lora_weights", "\"olora\"", .unsupportedAdapter),
        ("init_lora_weights", "\"gaussian\"", nil),
        ("init_lora_weights", "false", nil),
        ("peft_type", "\"IA3\"", .unsupportedAdapter),
        ("peft_type", "null", .unsupportedAdapter),
        ("task_type", "\"CAUSAL_LM\"", .unsupportedAdapter),
        ("task_type", "null", .unsupportedAdapter),
        ("target_modules", "\".*query\"", .unsupportedAdapter),
        ("target_modules", "[]", .badSetting),
        ("target_modules", "[\"q_proj\"]", .unknownTarget),
        ("target_modules", "[\"query\", \"value\", \"dense\"]", .unsupportedTarget),
        ("target_modules", "[\"query\"]", .wrongTensors),
        ("target_modules", "[\"query\", \"value\", \"key\"]", .wrongTensors),
        ("modules_to_save", "[\"classifier\", \"embeddings\"]", .unsupportedAdapter),
        ("modules_to_save", "[\"classifier\", \"pooler\"]", .wrongTensors),
        ("modules_to_save", "[\"classifier\"]", nil),
        ("modules_to_save", "null", nil),
        ("layers_to_transform", "[0]", .wrongTensors),
        ("layers_to_transform", "[0, 1]", nil),
        ("layers_to_transform", "[]", nil),
        ("layers_to_transform", "\"all\"", .badAdapter),
        ("r", "0", .badSetting),
        ("r", "-4", .badSetting),
        ("r", "\"4\"", .badAdapter),
        ("r", "4.5", .badAdapter),
        ("r", "5", .wrongShape),
        ("lora_alpha", "0", .badSetting),
        ("lora_alpha", "null", .badAdapter),
        ("lora_dropout", "1.5", .badSetting),
        ("lora_dropout", "0.25", nil),
        ("use_rslora", "true", nil),
        ("runtime_config", "{\"ephemeral_gpu_offload\": false}", nil),
        ("megatron_core", "\"elsewhere\"", nil),
        ("revision", "\"main\"", nil),
    ]

    /// The text with the key's line (or lines) replaced.
    static func set(_ key: String, _ value: String, in text: String) -> String {
        guard let start = text.range(of: "  \"\(key)\": ")?.lowerBound else {
            return "{\n  \"\(key)\": \(value),\n" + text.dropFirst(2)
        }
        let next = text[text.index(after: start)...].range(of: "\n  \"")?.lowerBound ?? text.endIndex
        let line = text[start..<next]
        return text.replacingOccurrences(of: line, with: "  \"\(key)\": \(value)\(line.hasSuffix(",") ? "," : "")")
    }

    @Test(
        "every feature that is not supported is refused by its key, and what changes nothing is not", arguments: values)
    func configuration(key: String, value: String, code: LoRAError.Code?) throws {
        let error = try Self.refused(configuration: { Self.set(key, value, in: $0) })
        #expect(error?.code == code, "\(key): \(value): \(error?.message ?? "accepted")")
    }

    @Test("files that are no JSON objects are refused")
    func notJSON() throws {
        for text in ["", "{", "[]", "null", "{\"r\": }", String(repeating: "[", count: 200_000)] {
            #expect(try Self.refused(configuration: { _ in text })?.code == .badAdapter, "\(text.prefix(20))")
        }
    }

    @Test("tensors that are missing, extra, misshapen or not finite are refused by name")
    func tensors() throws {
        let query = "base_model.model.bert.encoder.layer.1.attention.self.query.lora_A.weight"
        let classifier = "base_model.model.classifier.weight"
        #expect(try Self.refused() == nil)
        let missing = try Self.refused(weights: { $0[query] = nil })
        #expect(missing?.code == .wrongTensors)
        #expect(missing?.message.contains("missing: \(query)") == true)
        #expect(try Self.refused(weights: { $0[classifier] = nil })?.code == .wrongTensors)
        let extra = try Self.refused(replacing: ["base_model.model.bert.pooler.dense.weight": ([1], [0])])
        #expect(extra?.code == .wrongTensors)
        #expect(extra?.message.contains("not expected: base_model.model.bert.pooler.dense.weight") == true)
        #expect(
            try Self.refused(replacing: [query: ([12, 4], [Float](repeating: 0, count: 48))])?.code == .wrongShape)
        #expect(
            try Self.refused(replacing: [classifier: ([3, 11], [Float](repeating: 0, count: 33))])?.code
                == .wrongShape)
        #expect(
            try Self.refused(replacing: [classifier: ([36], [Float](repeating: 0, count: 36))])?.code == .wrongShape)
        #expect(
            try Self.refused(replacing: [classifier: ([4, 12], [Float](repeating: 0, count: 48))])?.code
                == .wrongShape)
        #expect(try Self.refused(replacing: [classifier: ([1 << 57, 0], [])])?.code == .wrongShape)
        #expect(try Self.refused(replacing: [classifier: ([0, 12], [])])?.code == .wrongShape)
        var values = [Float](repeating: 0, count: 48)
        values[17] = .nan
        let notFinite = try Self.refused(replacing: [query: ([4, 12], values)])
        #expect(notFinite?.code == .notFinite)
        #expect(notFinite?.message.contains("\(query): element 17") == true)
    }

    @Test("folders without the files are refused, a pickle with what to do")
    func files() throws {
        try withFolder { folder in
            #expect(refusal { _ = try Self.read(folder) }?.code == .unreadableAdapter)
            try FileManager.default.copyItem(
                atPath: Vectors.adapter("small") + "/adapter_config.json", toPath: folder + "/adapter_config.json")
            #expect(refusal { _ = try Self.read(folder) }?.code == .unreadableAdapter)
            try AtomicFile.write("x", to: folder + "/adapter_model.bin")
            #expect(refusal { _ = try Self.read(folder) }?.message.contains("safe_serialization") == true)
            try AtomicFile.write("not one", to: folder + "/adapter_model.safetensors")
            #expect(throws: TensorFileError.self) { try Self.read(folder) }
        }
    }

    @Test("a rank-stabilised adapter has the scale alpha / √r")
    func rankStabilised() throws {
        try withFolder { folder in
            let source = Vectors.adapter("small")
            let text = try String(contentsOfFile: "\(source)/adapter_config.json", encoding: .utf8)
            try AtomicFile.write(
                Self.set("use_rslora", "true", in: text), to: "\(folder)/adapter_config.json")
            try FileManager.default.copyItem(
                atPath: "\(source)/adapter_model.safetensors", toPath: "\(folder)/adapter_model.safetensors")
            #expect(try Self.read(folder).scale == 4)
            #expect(try Self.read(folder).parameters.branches[0]?.scale == 4)
        }
    }
}
