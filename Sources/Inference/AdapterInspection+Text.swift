//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import JSONText
import LoRA

extension AdapterInspection {
    /// The inspection for people, line by line.
    package var lines: [String] {
        let settings = configuration.settings
        var lines = [
            "adapter         \(folder)",
            "base model      \(configuration.baseModel ?? "not named")",
            "LoRA            rank \(settings.adapterRank), alpha \(settings.alpha), dropout \(settings.dropout), "
                + "target modules \(settings.targetModules.joined(separator: ", "))",
            "weights         \(tensorCount) tensors, \(parameterCount) numbers, sha256 \(weightsDigest)",
        ]
        guard let record else {
            return lines + ["LoRA-drop       no \(LoRADropRecord.fileName): an adapter of another program"]
        }
        lines.insert("base weights    sha256 \(record.baseModelFingerprint)", at: 2)
        let labels = record.labels.isEmpty ? "" : ", labels \(record.labels.joined(separator: ", "))"
        lines += [
            "task            \(record.task)\(labels)",
            "selection       score \(record.score.rawValue), granularity \(record.granularity.rawValue), threshold "
                + "\(record.threshold), sample ratio \(record.sampleRatio), probe epochs \(record.probeEpochs), seed "
                + "\(record.seed)",
            "data            texts cut to \(record.maximumSequenceLength) tokens, shards of \(record.shardTokens)",
            "LoRA parameters \(record.trainedParameterCount) trained, \(record.plainParameterCount) in plain LoRA"
                + " (\(Self.percent(record.trainedParameterCount, of: record.plainParameterCount)))",
            "kept layers     \(Self.list(record.keptLayers))",
            "shared layers   \(Self.list(record.sharedLayers))\(record.sharing == .frozen ? ", never trained" : "")",
            "without LoRA    \(Self.list(record.droppedLayers))",
        ]
        lines += shared.map { lora in
            "shared LoRA     \(lora.module): equal bytes in layers \(Self.list(lora.layers))"
        }
        return lines + [""] + Self.table(of: record)
    }

    /// A line for every module, and one for every layer.
    private static func table(of record: LoRADropRecord) -> [String] {
        let width = record.layers.flatMap(\.modules.keys).map(\.count).max() ?? 0
        var lines = ["layer  \("module".padded(to: width))  LoRA    importance"]
        for layer in record.layers {
            let modules = layer.modules.sorted { $0.key < $1.key }
            for (name, module) in modules {
                lines.append(
                    "\(number(layer.layer))  \(name.padded(to: width))  \(module.adapter.padded(to: 6))  "
                        + percent(module.importance))
            }
            if modules.count > 1 {
                lines.append("\(number(layer.layer))  \("(all)".padded(to: width + 8))  \(percent(layer.importance))")
            }
        }
        return lines
    }

    private static func number(_ layer: Int) -> String { String(format: "%5d", layer) }

    private static func percent(_ share: Double?) -> String {
        share.map { String(format: "%8.2f %%", 100 * $0) } ?? "not measured"
    }

    private static func percent(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "none" : String(format: "%.1f %%", 100 * Double(part) / Double(whole))
    }

    private static func list(_ layers: [Int]) -> String {
        layers.isEmpty ? "none" : layers.map(String.init).joined(separator: ", ")
    }

    /// The inspection for programs, as one indented JSON object.
    package var jsonText: String {
        let settings = configuration.settings
        return JSONValue.object([
            JSONMember("adapter", .string(folder)),
            JSONMember("alpha", .real(settings.alpha)),
            JSONMember("base_model", configuration.baseModel.map { .string($0) } ?? .null),
            JSONMember("dropout", .real(settings.dropout)),
            JSONMember("lora_drop", record.map { Self.json($0) } ?? .null),
            JSONMember("parameters", .integer(parameterCount)),
            JSONMember("rank", .integer(settings.adapterRank)),
            JSONMember("sha256", .string(weightsDigest)),
            JSONMember(
                "shared_lora",
                .array(
                    shared.map { lora in
                        .object([
                            JSONMember("layers", .array(lora.layers.map { .integer($0) })),
                            JSONMember("module", .string(lora.module)),
                            JSONMember("sha256", .string(lora.digest)),
                        ])
                    })),
            JSONMember("target_modules", .array(settings.targetModules.map { .string($0) })),
            JSONMember("tensors", .integer(tensorCount)),
        ]).indentedText()
    }

    /// The record under the names that `lora_drop.json` has.
    private static func json(_ record: LoRADropRecord) -> JSONValue {
        func numbers(_ layers: [Int]) -> JSONValue { .array(layers.map { .integer($0) }) }
        func share(_ value: Double?) -> JSONValue { value.map { .real($0) } ?? .null }
        let layers = record.layers.map { layer in
            JSONValue.object([
                JSONMember("importance", share(layer.importance)),
                JSONMember("layer", .integer(layer.layer)),
                JSONMember(
                    "modules",
                    .object(
                        layer.modules.sorted { $0.key < $1.key }.map { name, module in
                            JSONMember(
                                name,
                                .object([
                                    JSONMember("adapter", .string(module.adapter)),
                                    JSONMember("importance", share(module.importance)),
                                ]))
                        })),
            ])
        }
        return .object([
            JSONMember("base_model_sha256", .string(record.baseModelFingerprint)),
            JSONMember("dropped_layers", numbers(record.droppedLayers)),
            JSONMember("granularity", .string(record.granularity.rawValue)),
            JSONMember("kept_layers", numbers(record.keptLayers)),
            JSONMember("labels", .array(record.labels.map { .string($0) })),
            JSONMember("layers", .array(layers)),
            JSONMember("lora_parameters_of_plain_lora", .integer(record.plainParameterCount)),
            JSONMember("lora_parameters_trained", .integer(record.trainedParameterCount)),
            JSONMember("max_sequence_length", .integer(record.maximumSequenceLength)),
            JSONMember("probe_epochs", .integer(record.probeEpochs)),
            JSONMember("sample_ratio", .real(record.sampleRatio)),
            JSONMember("score", .string(record.score.rawValue)),
            JSONMember("seed", .integer(record.seed)),
            JSONMember("shard_tokens", .integer(record.shardTokens)),
            JSONMember("shared_layers", numbers(record.sharedLayers)),
            JSONMember("shared_lora", .string(record.sharing.rawValue)),
            JSONMember("task", .string(record.task)),
            JSONMember("threshold", .real(record.threshold)),
        ])
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
