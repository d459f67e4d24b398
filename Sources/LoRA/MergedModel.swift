//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import JSONText
import Tensors
import Transformer

/// A Hugging Face folder for sequence classification that needs no adapter: the LoRA folded into the base model.
package enum MergedModel {
    /// Files that a tokenizer may consist of; those that the base folder has are copied.
    package static let tokenizerFiles = [
        "tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model",
        "special_tokens_map.json", "added_tokens.json",
    ]

    /// Merges the adapter in `adapterFolder` into the model in `baseFolder`.
    /// - Parameter folder: Is made; it must not exist, or be empty.
    /// - Throws: `LoRAError`, `TensorFileError` or `TransformerError`; nothing that was there is overwritten.
    package static func write(baseFolder: String, adapterFolder: String, to folder: String) throws {
        let configuration = try BaseConfigurations.read(folder: baseFolder)
        let base = try ModelWeights(folder: baseFolder)
        let adapter = try PEFTAdapter(folder: adapterFolder, configuration: configuration) {
            BaseModelFingerprint.of(base)
        }
        try base.requireFinite()
        let stated = try ConfigurationFile(path: baseFolder + "/config.json")
        try makeEmpty(folder)
        for name in tokenizerFiles where FileManager.default.fileExists(atPath: "\(baseFolder)/\(name)") {
            do {
                try FileManager.default.copyItem(atPath: "\(baseFolder)/\(name)", toPath: "\(folder)/\(name)")
            } catch {
                throw TensorFileError(
                    .inputOutput, "\(baseFolder)/\(name) cannot be copied to \(folder): \(error.localizedDescription)")
            }
        }
        try AtomicFile.write(configurationText(stated, adapter: adapter), to: folder + "/config.json")
        // The weights last: a folder without them is taken for a model by nobody.
        try MergedWeights.write(
            base: base, configuration: configuration, adapter: adapter.parameters, to: folder + "/model.safetensors")
    }

    private static func makeEmpty(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let listing = try FileManager.default.contentsOfDirectory(atPath: folder)
            guard listing.isEmpty else {
                throw TensorFileError(
                    .inputOutput,
                    "\(folder): expected a new or empty folder, found \(listing.sorted().prefix(5)); nothing was written"
                )
            }
        } catch let error as TensorFileError {
            throw error
        } catch {
            throw TensorFileError(.inputOutput, "\(folder) cannot be made: \(error.localizedDescription)")
        }
    }

    /// The base's config.json with the task of the adapter, everything else as it was and where it was.
    static func configurationText(_ base: ConfigurationFile, adapter: PEFTAdapter) -> String {
        var changes: [JSONMember] = adapter.labelCount == 0 ? [] : labelMembers(adapter, base: base)
        if let architecture = base["architectures"]?.strings?.first {
            let task = adapter.labelCount == 0 ? "ForCausalLM" : "ForSequenceClassification"
            changes.append(JSONMember("architectures", .array([.string(self.architecture(architecture, for: task))])))
        }
        // Both spellings: transformers 5 writes "dtype", earlier ones "torch_dtype".
        let kinds = ["dtype", "torch_dtype"].filter { base[$0] != nil }
        changes += (kinds.isEmpty ? ["dtype"] : kinds).map { JSONMember($0, .string("float32")) }

        var members = base.members.filter { $0.key != "num_labels" }
        for change in changes {
            if let place = members.firstIndex(where: { $0.key == change.key }) {
                members[place] = change
            } else {
                members.append(change)
            }
        }
        return JSONValue.object(members).indentedText()
    }

    /// What tells transformers which classes the logits are of.
    private static func labelMembers(_ adapter: PEFTAdapter, base: ConfigurationFile) -> [JSONMember] {
        let labels = labels(of: adapter, base: base)
        let isRegression = adapter.record.map { $0.task == "regression" } ?? (adapter.labelCount == 1)
        return [
            JSONMember(
                "id2label",
                .object(labels.enumerated().map { JSONMember(String($0.offset), .string($0.element)) })),
            JSONMember(
                "label2id", .object(labels.enumerated().map { JSONMember($0.element, .integer($0.offset)) })),
            JSONMember("problem_type", .string(isRegression ? "regression" : "single_label_classification")),
        ]
    }

    /// The adapter's own labels; else those of the base, where it has as many; else transformers' LABEL_0 ….
    private static func labels(of adapter: PEFTAdapter, base: ConfigurationFile) -> [String] {
        if let labels = adapter.record?.labels, labels.count == adapter.labelCount { return labels }
        let known = (0..<adapter.labelCount).compactMap { base["id2label"]?[String($0)]?.string }
        if known.count == adapter.labelCount, base["id2label"]?.members?.count == known.count,
            Set(known).count == known.count
        {
            return known
        }
        return (0..<adapter.labelCount).map { "LABEL_\($0)" }
    }

    /// "BertModel" and "BertForPreTraining" as "BertForSequenceClassification".
    private static func architecture(_ architecture: String, for task: String) -> String {
        let end = architecture.range(of: "For") ?? architecture.range(of: "Model")
        return architecture[..<(end?.lowerBound ?? architecture.endIndex)] + task
    }
}
