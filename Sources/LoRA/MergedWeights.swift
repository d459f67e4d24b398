//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors
package import Transformer

/// A base model with the LoRA folded in: W + s·B·A for every adapted projection, and the trained head.
package enum MergedWeights {
    /// Writes `model.safetensors` of a model for sequence classification, or of a language model where the adapter has no
    /// head, all in F32, atomically.
    ///
    /// Tensors of the base that are no weights (`position_ids`) are left out, and so are those that such a model
    /// does not have: heads of other tasks, poolers that it does not read. Names get its prefix
    /// where the base's file has none. One tensor at a time is in memory.
    /// - Throws: `TensorFileError`.
    package static func write(
        base: ModelWeights, configuration: any BaseConfiguration, adapter: TrainableParameters, to path: String
    ) throws {
        let generates = adapter.head.classifier == nil
        let hasPrefix = base.names.contains { $0.hasPrefix(configuration.prefix) }
        let headTensors = adapter.layout.tensors.filter { $0.group == .head }
        let headNames = headTensors.map { String($0.name.dropFirst(ParameterLayout.filePrefix.count)) }
        let adapted = Dictionary(
            uniqueKeysWithValues: configuration.projections.compactMap { projection in
                adapter.branches[projection.index].map { (projection.path + ".weight", $0) }
            })
        var writer = SafetensorsWriter()
        for (name, tensor) in zip(headNames, headTensors) {
            writer.add(name, shape: tensor.shape, adapter.values.columns(tensor.range))
        }
        var found: Set<String> = []
        for baseName in base.names {
            guard let tensor = base[baseName], tensor.dtype.isWeight else { continue }
            // "cls.predictions…" and the like stay behind, and so does a head that the adapter replaces.
            let name = hasPrefix ? baseName : configuration.prefix + baseName
            guard configuration.isInMerged(name, generates: generates), !headNames.contains(name) else { continue }
            found.insert(name)
            guard let branch = adapted[name] else {
                writer.add(name, shape: tensor.shape) { tensor.matrix(in: $0) }
                continue
            }
            writer.add(name, shape: tensor.shape) { merged(tensor, branch: branch, workspace: $0) }
        }
        let missing = adapted.keys.filter { !found.contains($0) }.sorted()
        guard missing.isEmpty else {
            throw TensorFileError(
                .missingTensor,
                "\(base.folder): the adapter changes \(missing.joined(separator: ", ")), which the base does not have")
        }
        try writer.write(to: path)
    }

    /// W + s·B·A, [outputSize, inputSize], in the workspace.
    static func merged(_ tensor: FrozenTensor, branch: LowRankBranch, workspace: Workspace) -> Matrix {
        let weight = tensor.matrix(in: workspace)
        precondition(
            weight.rowCount == branch.up.rowCount && weight.columnCount == branch.down.columnCount,
            "W \(tensor.shape) with B [\(branch.up.rowCount), …] and A […, \(branch.down.columnCount)]")
        let result = workspace.matrix(rows: weight.rowCount, columns: weight.columnCount)
        result.copy(from: weight)
        gemm(branch.up, branch.down, into: result, alpha: branch.scale, beta: 1)
        return result
    }
}
