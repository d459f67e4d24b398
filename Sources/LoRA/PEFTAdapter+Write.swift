//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import Tensors
package import Transformer

extension PEFTAdapter {
    /// Writes the three files of an adapter folder, each atomically, the weights first.
    ///
    /// A shared LoRA is written out under every layer that uses it, so that PEFT loads the folder as it is. The bytes
    /// are a function of the arguments alone.
    /// - Parameters:
    ///   - settings: Those of the training; their target modules are the user's.
    ///   - projections: All projections of the model.
    ///   - baseModel: Where PEFT finds the base model; nil leaves it open.
    /// - Throws: `LoRAError` where no projection has a LoRA, `TensorFileError` where a file cannot be written.
    package static func write(
        _ parameters: TrainableParameters, settings: LoRASettings, projections: [ProjectionDescription],
        baseModel: String?, record: LoRADropRecord?, to folder: String
    ) throws {
        let layout = parameters.layout
        guard layout.assignment.hasLoRA else {
            throw LoRAError(
                .nothingToTrain, "no projection has a LoRA, and PEFT has no file for an adapter without one")
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TensorFileError(.inputOutput, "\(folder) cannot be created: \(error.localizedDescription)")
        }
        var writer = SafetensorsWriter()
        for projection in projections {
            guard let branch = parameters.branches[projection.index] else { continue }
            let path = ParameterLayout.filePrefix + projection.path
            writer.add(
                path + ".lora_A.weight", shape: [branch.down.rowCount, branch.down.columnCount], branch.down)
            writer.add(path + ".lora_B.weight", shape: [branch.up.rowCount, branch.up.columnCount], branch.up)
        }
        for tensor in layout.tensors where tensor.group == .head {
            writer.add(tensor.name, shape: tensor.shape, parameters.values.columns(tensor.range))
        }
        try writer.write(to: folder + "/" + weightsFile)

        let configuration = PEFTConfiguration(
            settings: LoRASettings(
                adapterRank: settings.adapterRank, alpha: settings.alpha, dropout: settings.dropout,
                targetModules: try targetModules(settings, projections: projections, layout: layout)),
            task: layout.classifierPlace == nil ? .causalLanguageModel : .sequenceClassification,
            modulesToSave: layout.classifierPlace == nil
                ? [] : layout.savedModules + PEFTConfiguration.classifierNames,
            baseModel: baseModel)
        try AtomicFile.write(configuration.text, to: folder + "/" + configurationFile)
        try record?.write(to: folder)
    }

    /// The user's names where they mean just the projections that have a LoRA; else the full paths of those.
    private static func targetModules(
        _ settings: LoRASettings, projections: [ProjectionDescription], layout: ParameterLayout
    ) throws(LoRAError) -> [String] {
        let adapted = projections.filter { layout.assignment.roles[$0.index] != .absent }
        let targets = try TargetModules.resolve(settings.targetModules, in: projections)
        return adapted == targets ? settings.targetModules : adapted.map(\.path)
    }
}
