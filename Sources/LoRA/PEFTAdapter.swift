//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
import Foundation
import Tensors
package import Transformer

/// An adapter folder as PEFT has it: `adapter_config.json`, `adapter_model.safetensors`, and beside them our
/// `lora_drop.json`, where we wrote it.
///
/// Read back, every projection has a LoRA of its own: a shared one stands in the file under each layer that uses it.
package struct PEFTAdapter: Sendable {
    package static let weightsFile = "adapter_model.safetensors"
    package static let configurationFile = "adapter_config.json"

    package let folder: String
    package let settings: LoRASettings
    /// alpha / r, or alpha / √r where the adapter says `use_rslora`.
    package let scale: Float
    package let head: HeadShape
    package let layout: ParameterLayout
    /// The vector of `layout`.
    package let values: [Float]
    /// What `lora_drop.json` says; nil for an adapter of PEFT's own hand.
    package let record: LoRADropRecord?

    /// Logits of an example; 1 for a regression, 0 for a language model.
    package var labelCount: Int { head.classifier?.outputSize ?? 0 }
    /// Whether the model must be made with a pooler of the head's.
    package var trainsPooler: Bool { head.pooler != nil }
    /// The numbers as the model sees them.
    package var parameters: TrainableParameters { TrainableParameters(layout, values: values, scale: scale) }

    /// Reads an adapter for a base model.
    /// - Parameters:
    ///   - fingerprint: Gives the base model's fingerprint; asked where the adapter says whose it is.
    /// - Throws: `LoRAError` or `TensorFileError` with file, tensor or key, what was expected and what was found.
    package init(
        folder: String, configuration: any BaseConfiguration, fingerprint: () throws -> Digest
    ) throws {
        let configurationPath = folder + "/" + Self.configurationFile
        let stated = try PEFTConfiguration(path: configurationPath)
        let record = try LoRADropRecord.read(from: folder)
        if let record {
            let found = try fingerprint().description
            guard record.baseModelFingerprint == found else {
                throw LoRAError(
                    .otherBaseModel,
                    "\(folder): the adapter was trained on a base model with the fingerprint "
                        + "\(record.baseModelFingerprint), but this one has \(found); give the folder it was trained on"
                )
            }
        }
        let trainsPooler = try Self.trainsPooler(stated, configuration: configuration, file: configurationPath)
        let targets: [ProjectionDescription]
        do {
            targets = try TargetModules.resolve(
                stated.settings.targetModules, in: configuration, trainsPooler: trainsPooler
            ).filter { stated.layers?.contains($0.layer) ?? true }
        } catch {
            throw LoRAError(error.code, "\(configurationPath): \(error.message)")
        }
        let weights = try SafetensorsFile(path: Self.weightsPath(in: folder))
        let reader = Reader(file: weights)
        head = HeadShape(
            configuration: configuration,
            labelCount: stated.task == .causalLanguageModel
                ? 0
                : try reader.labelCount(of: configuration.classifier.path, hiddenSize: configuration.hiddenSize),
            trainsPooler: trainsPooler)
        layout = ParameterLayout(
            assignment: AdapterAssignment(ownTargets: targets, projectionCount: configuration.projections.count),
            adapterRank: stated.settings.adapterRank, projections: configuration.projections, head: head)
        values = try reader.values(of: layout)
        if let record, record.task == "classification", record.labels.count != head.classifier?.outputSize ?? 0 {
            throw LoRAError(
                .wrongShape,
                "\(folder): \(LoRADropRecord.fileName) has \(record.labels.count) labels, but the classifier "
                    + "\(head.classifier?.outputSize ?? 0) outputs")
        }
        self.folder = folder
        settings = stated.settings
        scale = stated.scale
        self.record = record
    }

    private static func weightsPath(in folder: String) throws(LoRAError) -> String {
        let path = folder + "/" + weightsFile
        if FileManager.default.fileExists(atPath: path) { return path }
        let pickle = FileManager.default.fileExists(atPath: folder + "/adapter_model.bin")
        throw LoRAError(
            .unreadableAdapter,
            "\(folder): expected \(weightsFile), found "
                + (pickle
                    ? "only adapter_model.bin, a Python pickle, which can run code when it is read, so it is not; "
                        + "save the adapter with PEFT's save_pretrained(folder, safe_serialization=True)"
                    : "none"))
    }

    /// Whether the adapter holds the pooler: `modules_to_save` names it, or PEFT saves it with the classifier.
    ///
    /// Any other module there is refused.
    private static func trainsPooler(
        _ stated: PEFTConfiguration, configuration: any BaseConfiguration, file: String
    ) throws(LoRAError) -> Bool {
        guard let configuration = configuration as? EncoderConfiguration else {
            let known = stated.task == .causalLanguageModel ? [] : PEFTConfiguration.classifierNames
            if let name = stated.modulesToSave.first(where: { !known.contains($0) }) {
                throw LoRAError(
                    .unsupportedAdapter,
                    "\(file): modules_to_save: expected "
                        + (known.isEmpty ? "none" : "only \(known.joined(separator: " and "))") + ", found \(name)")
            }
            return false
        }
        guard stated.task == .sequenceClassification else {
            throw LoRAError(
                .unsupportedAdapter,
                "\(file): task_type: expected \"SEQ_CLS\" for a model of type \(configuration.modelType), found "
                    + "\"\(stated.task.rawValue)\"")
        }
        let pooler = configuration.family.pooler
        // A module's name is its path, or the end of one: "pooler" and "pooler.dense" are the same tensors.
        let bare = configuration.family.name(pooler.path, filePrefix: "")
        let poolerNames = [pooler.path, bare] + pooler.path.split(separator: ".").map(String.init)
        for name in stated.modulesToSave
        where !PEFTConfiguration.classifierNames.contains(name) && !poolerNames.contains(name) {
            throw LoRAError(
                .unsupportedAdapter,
                "\(file): modules_to_save: expected only classifier"
                    + "\(pooler.module.map { " and \($0)" } ?? ""), found \(name)")
        }
        return pooler.module == nil || stated.modulesToSave.contains { poolerNames.contains($0) }
    }

    /// Takes tensors from the file and says what is wrong with them.
    private struct Reader {
        let file: SafetensorsFile

        var path: String { file.file.path }

        func labelCount(of classifier: String, hiddenSize: Int) throws(LoRAError) -> Int {
            let name = ParameterLayout.filePrefix + classifier + ".weight"
            guard let tensor = file[name] else {
                throw LoRAError(
                    .wrongTensors,
                    "\(path): expected \(name), found no classifier; was the adapter saved with task_type SEQ_CLS?")
            }
            guard tensor.shape.count == 2, tensor.shape[0] > 0, tensor.shape[1] == hiddenSize else {
                throw LoRAError(
                    .wrongShape,
                    "\(path), tensor \(name): expected the shape [labels, \(hiddenSize)], found \(tensor.shape)")
            }
            return tensor.shape[0]
        }

        func values(of layout: ParameterLayout) throws -> [Float] {
            let expected = Set(layout.tensors.map(\.name))
            let missing = layout.tensors.map(\.name).filter { file[$0] == nil }
            let extra = file.names.filter { !expected.contains($0) }
            guard missing.isEmpty, extra.isEmpty else {
                let parts = [("missing", missing), ("not expected", extra)].filter { !$0.1.isEmpty }.map {
                    "\($0.0): \($0.1.prefix(8).joined(separator: ", "))"
                        + ($0.1.count > 8 ? " and \($0.1.count - 8) more" : "")
                }
                throw LoRAError(
                    .wrongTensors,
                    "\(path) does not hold the tensors that its configuration and the base model ask for; "
                        + parts.joined(separator: "; "))
            }
            var values: [Float] = []
            values.reserveCapacity(layout.count)
            for expected in layout.tensors {
                guard let tensor = file[expected.name] else { continue }
                guard tensor.shape == expected.shape else {
                    throw LoRAError(
                        .wrongShape,
                        "\(path), tensor \(expected.name): expected the shape \(expected.shape), found "
                            + "\(tensor.shape); is this the base model that the adapter was made for?")
                }
                guard tensor.dtype.isWeight else {
                    throw LoRAError(
                        .wrongTensors,
                        "\(path), tensor \(expected.name): expected F32, F16 or BF16, found \(tensor.dtype.rawValue)")
                }
                if let index = tensor.firstNonFinite {
                    throw LoRAError(
                        .notFinite,
                        "\(path), tensor \(expected.name): element \(index) is an infinity or not a number")
                }
                values.append(contentsOf: tensor.values)
            }
            return values
        }
    }
}
