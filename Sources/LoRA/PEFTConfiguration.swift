//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

/// What `adapter_config.json` says of a LoRA, as PEFT 0.21 writes and reads it.
///
/// Source: `LoraConfig` of github.com/huggingface/peft, version 0.21.
package struct PEFTConfiguration: Hashable, Sendable {
    /// `task_type`.
    package enum Task: String, Hashable, Sendable, CaseIterable {
        case sequenceClassification = "SEQ_CLS"
        case causalLanguageModel = "CAUSAL_LM"
    }

    package var settings: LoRASettings
    package var task = Task.sequenceClassification
    /// `use_rslora`: the scale is alpha / √r instead of alpha / r.
    package var usesRankStabilisedScale = false
    /// `layers_to_transform`: the only layers with a LoRA; nil for all.
    package var layers: [Int]?
    /// `modules_to_save`: trained modules beside the LoRA; for a sequence classifier both names of a head are always in
    /// it, as in PEFT.
    package var modulesToSave: [String]
    /// `base_model_name_or_path`: where PEFT finds the base model.
    package var baseModel: String?

    /// Heads that PEFT saves with every adapter for sequence classification, whichever the model has.
    static let classifierNames = ["classifier", "score"]

    /// alpha / r or alpha / √r.
    var scale: Float {
        usesRankStabilisedScale
            ? Float(settings.alpha / Double(settings.adapterRank).squareRoot()) : settings.scale
    }

    /// The file's text: every key that PEFT 0.21 writes, sorted and indented as there.
    var text: String {
        var members: [String: JSONValue] = [
            "base_model_name_or_path": baseModel.map { .string($0) } ?? .null,
            "bias": .string("none"),
            "inference_mode": .boolean(true),
            "init_lora_weights": .boolean(true),
            "layers_to_transform": layers.map { .array($0.map { .integer($0) }) } ?? .null,
            // Python keeps a whole number that was given as one.
            "lora_alpha": Int(exactly: settings.alpha).map { .integer($0) } ?? .real(settings.alpha),
            "lora_dropout": .real(settings.dropout),
            "megatron_core": .string("megatron.core"),
            "modules_to_save": modulesToSave.isEmpty ? .null : .array(modulesToSave.map { .string($0) }),
            "peft_type": .string("LORA"),
            "peft_version": .string("0.21.2"),
            "qalora_group_size": .integer(16),
            "r": .integer(settings.adapterRank),
            "target_modules": .array(settings.targetModules.sorted().map { .string($0) }),
            "task_type": .string(task.rawValue),
            "use_rslora": .boolean(usesRankStabilisedScale),
        ]
        for key in ["alpha_pattern", "loftq_config", "rank_pattern"] {
            members[key] = .object([])
        }
        for key in ["ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora"] {
            members[key] = .boolean(false)
        }
        for key in [
            "alora_invocation_tokens", "arrow_config", "auto_mapping", "corda_config", "eva_config", "exclude_modules",
            "kasa_config", "layer_replication", "layers_pattern", "lora_ga_config", "megatron_config",
            "monteclora_config", "revision", "target_parameters", "trainable_token_indices", "use_bdlora",
            "velora_config",
        ] {
            members[key] = .null
        }
        return JSONValue.object(members.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value) }).indentedText()
    }
}

extension PEFTConfiguration {
    /// Keys whose value changes nothing for the use of finished tensors.
    private static let ignoredKeys: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "inference_mode", "peft_version", "revision", "megatron_core",
        "megatron_config", "qalora_group_size", "runtime_config", "eva_config", "ensure_weight_tying", "loftq_config",
    ]

    /// Keys that are read.
    private static let understoodKeys: Set<String> = [
        "peft_type", "task_type", "bias", "init_lora_weights", "target_modules", "r", "lora_alpha", "lora_dropout",
        "use_rslora", "layers_to_transform", "modules_to_save",
    ]

    /// Ways to start A and B that leave the base model's weights alone; the others subtract the start from them, so
    /// that the adapter fits no base model on disk.
    private static let harmlessStarts: Set<String> = ["gaussian", "eva", "orthogonal"]

    /// Reads the file at `path`.
    ///
    /// Every key is known here or says nothing (null, false, empty): an adapter whose configuration asks for something
    /// else is refused by name, never half understood.
    /// - Throws: `LoRAError` with file, key, what was expected and what was found.
    package init(path: String) throws(LoRAError) {
        let file = try ConfigurationFile(path: path)
        func unsupported(_ key: String, _ expected: String) -> LoRAError {
            LoRAError(.unsupportedAdapter, "\(path): \(key): expected \(expected), found \(file.found(key))")
        }
        guard file["peft_type"]?.string == "LORA" else { throw unsupported("peft_type", "\"LORA\"") }
        guard let task = file["task_type"]?.string.flatMap(Task.init) else {
            throw unsupported("task_type", "\"SEQ_CLS\" or \"CAUSAL_LM\"")
        }
        self.task = task
        guard file["bias"] == nil || file["bias"] == .string("none") else { throw unsupported("bias", "\"none\"") }
        switch file["init_lora_weights"] {
        case nil, .boolean, .null: break
        case .string(let start) where Self.harmlessStarts.contains(start): break
        case .some:
            throw unsupported(
                "init_lora_weights",
                "a start that leaves the base model's weights alone (save the adapter with PEFT's "
                    + "path_initial_model_for_weight_conversion)")
        }
        guard let targets = file["target_modules"]?.strings else {
            throw unsupported("target_modules", "a list of module names")
        }
        settings = LoRASettings(
            adapterRank: try file.integer("r"), alpha: try file.number("lora_alpha"),
            dropout: try file.number("lora_dropout"), targetModules: targets)
        do {
            try settings.validate()
        } catch {
            throw LoRAError(error.code, "\(path): \(error.message)")
        }
        usesRankStabilisedScale = file["use_rslora"] == .boolean(true)
        layers = try Self.layers(file)
        modulesToSave =
            file["modules_to_save"]?.strings ?? (task == .sequenceClassification ? Self.classifierNames : [])
        baseModel = file["base_model_name_or_path"]?.string
        for member in file.members
        where !Self.understoodKeys.contains(member.key) && !Self.ignoredKeys.contains(member.key)
            && !member.value.isNothing
        {
            throw unsupported(member.key, "it unset (an adapter that uses it is not supported)")
        }
    }

    private static func layers(_ file: ConfigurationFile) throws(LoRAError) -> [Int]? {
        guard let value = file["layers_to_transform"], value != .null else { return nil }
        if let layer = value.integer(Int.self) { return [layer] }
        guard let layers = value.integers else { throw file.bad("layers_to_transform", "a list of layer numbers") }
        // PEFT takes an empty list for none.
        return layers.isEmpty ? nil : layers
    }
}
