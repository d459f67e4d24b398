//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What `adapter_config.json` says of a LoRA, as PEFT 0.21 writes and reads it.
///
/// Source: `LoraConfig` of github.com/huggingface/peft, version 0.21.
struct PEFTConfiguration: Hashable, Sendable {
    var settings: LoRASettings
    /// `use_rslora`: the scale is alpha / √r instead of alpha / r.
    var usesRankStabilisedScale = false
    /// `layers_to_transform`: the only layers with a LoRA; nil for all.
    var layers: [Int]?
    /// `modules_to_save`: trained modules beside the LoRA; both names of a classifier are always in it, as in PEFT.
    var modulesToSave: [String]
    /// `base_model_name_or_path`: where PEFT finds the base model.
    var baseModel: String?

    /// Heads that PEFT saves with every adapter for sequence classification, whichever the model has.
    static let classifierNames = ["classifier", "score"]

    /// alpha / r or alpha / √r.
    var scale: Float {
        usesRankStabilisedScale
            ? Float(settings.alpha / Double(settings.adapterRank).squareRoot()) : settings.scale
    }

    /// The file's text: every key that PEFT 0.21 writes, in its order.
    var text: String {
        var members: [String: JSONValue] = [
            "base_model_name_or_path": baseModel.map { .string($0) } ?? .null,
            "bias": .string("none"),
            "inference_mode": .bool(true),
            "init_lora_weights": .bool(true),
            "layers_to_transform": layers.map { .array($0.map { .integer($0) }) } ?? .null,
            "lora_alpha": JSONValue(shortest: settings.alpha),
            "lora_dropout": .number(settings.dropout),
            "megatron_core": .string("megatron.core"),
            "modules_to_save": .array(modulesToSave.map { .string($0) }),
            "peft_type": .string("LORA"),
            "peft_version": .string("0.21.2"),
            "qalora_group_size": .integer(16),
            "r": .integer(settings.adapterRank),
            "target_modules": .array(settings.targetModules.sorted().map { .string($0) }),
            "task_type": .string("SEQ_CLS"),
            "use_rslora": .bool(usesRankStabilisedScale),
        ]
        for key in ["alpha_pattern", "loftq_config", "rank_pattern"] {
            members[key] = .object([:])
        }
        for key in ["ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora"] {
            members[key] = .bool(false)
        }
        for key in [
            "alora_invocation_tokens", "arrow_config", "auto_mapping", "corda_config", "eva_config", "exclude_modules",
            "kasa_config", "layer_replication", "layers_pattern", "lora_ga_config", "megatron_config",
            "monteclora_config", "revision", "target_parameters", "trainable_token_indices", "use_bdlora",
            "velora_config",
        ] {
            members[key] = .null
        }
        return JSONValue.object(members).text
    }
}

extension PEFTConfiguration {
    /// Keys whose value changes nothing for the use of finished tensors.
    private static let ignoredKeys: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "inference_mode", "init_lora_weights", "peft_version", "revision",
        "megatron_core", "megatron_config", "qalora_group_size", "runtime_config", "eva_config", "ensure_weight_tying",
        "loftq_config",
    ]

    /// Ways to start A and B that leave the base model's weights alone; the others subtract the start from them, so
    /// that the adapter fits no base model on disk.
    private static let harmlessStarts: Set<String> = ["gaussian", "eva", "orthogonal"]

    /// Reads the file at `path`.
    ///
    /// Every key is known here or says nothing (null, false, empty): an adapter whose configuration asks for something
    /// else is refused by name, never half understood.
    /// - Throws: `LoRAError` with file, key, what was expected and what was found.
    init(path: String) throws(LoRAError) {
        let reader = KeyReader(file: path, members: try JSONValue.object(at: path))
        try reader.require("peft_type", toBe: "LORA")
        try reader.require("task_type", toBe: "SEQ_CLS")
        if let bias = reader["bias"], bias != .string("none") {
            throw reader.unsupported("bias", "only \"none\" is supported, found \(bias.text)")
        }
        switch reader["init_lora_weights"] {
        case nil, .bool, .null: break
        case .string(let start) where Self.harmlessStarts.contains(start): break
        case .some(let start):
            throw reader.unsupported(
                "init_lora_weights",
                "\(start.text.dropLast()) changes the base model's weights; save the adapter with PEFT's "
                    + "path_initial_model_for_weight_conversion first")
        }
        guard let targets = reader["target_modules"]?.stringsValue else {
            throw reader.unsupported(
                "target_modules",
                "expected a list of module names, found \(reader["target_modules"]?.text.dropLast() ?? "nothing")")
        }
        settings = LoRASettings(
            adapterRank: try reader.integer("r"), alpha: try reader.number("lora_alpha"),
            dropout: try reader.number("lora_dropout"), targetModules: targets)
        do {
            try settings.validate()
        } catch {
            throw LoRAError(error.code, "\(path): \(error.message)")
        }
        usesRankStabilisedScale = reader["use_rslora"] == .bool(true)
        layers = try reader.layers()
        modulesToSave = reader["modules_to_save"]?.stringsValue ?? Self.classifierNames
        baseModel = reader["base_model_name_or_path"]?.stringValue

        let understood: Set<String> = [
            "peft_type", "task_type", "bias", "target_modules", "r", "lora_alpha", "lora_dropout", "use_rslora",
            "layers_to_transform", "modules_to_save",
        ]
        for (key, value) in reader.members.sorted(by: { $0.key < $1.key })
        where !understood.contains(key) && !Self.ignoredKeys.contains(key) && !value.isNothing {
            throw reader.unsupported(key, "it is set, and an adapter that uses it is not supported")
        }
    }

    /// Reads single keys, naming file and key where they are wrong.
    private struct KeyReader {
        let file: String
        let members: [String: JSONValue]

        subscript(key: String) -> JSONValue? { members[key] }

        func require(_ key: String, toBe expected: String) throws(LoRAError) {
            guard members[key]?.stringValue == expected else {
                let found = members[key]?.text.dropLast() ?? "nothing"
                throw unsupported(key, "expected \"\(expected)\", found \(found)")
            }
        }

        func number(_ key: String) throws(LoRAError) -> Double {
            guard let number = members[key]?.numberValue else { throw bad(key, "a number") }
            return number
        }

        func integer(_ key: String) throws(LoRAError) -> Int {
            guard let number = members[key]?.integerValue else { throw bad(key, "a whole number") }
            return number
        }

        func layers() throws(LoRAError) -> [Int]? {
            switch members["layers_to_transform"] {
            case nil, .null: return nil
            case .integer(let layer): return [layer]
            case .array(let elements) where elements.allSatisfy { $0.integerValue != nil }:
                // PEFT takes an empty list for none.
                return elements.isEmpty ? nil : elements.compactMap(\.integerValue)
            case .some: throw bad("layers_to_transform", "a list of layer numbers")
            }
        }

        func bad(_ key: String, _ expected: String) -> LoRAError {
            let found = members[key].map { $0.text.dropLast() } ?? "nothing"
            return LoRAError(.badAdapter, "\(file): \(key): expected \(expected), found \(found)")
        }

        func unsupported(_ key: String, _ reason: String) -> LoRAError {
            LoRAError(.unsupportedAdapter, "\(file): \(key): \(reason)")
        }
    }
}
