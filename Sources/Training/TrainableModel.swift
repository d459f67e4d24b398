//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import LoRA
import Tensors
package import Transformer

/// What is trained beside one frozen model: which projections may have a LoRA, the head, and how both start.
///
/// Coordinator and workers make it from the same configuration and the same model folder, so that a kept set alone
/// says everybody where each trained number lies.
package struct TrainableModel: Sendable {
    package let lora: LoRASettings
    /// All projections of the model, by index.
    package let projections: [ProjectionDescription]
    /// Those that may have a LoRA, by index.
    package let targets: [ProjectionDescription]
    package let head: HeadShape
    package let headInitialisation: HeadInitialisation
    /// What the projections have that own no LoRA in the fine-tuning.
    package let sharing: Sharing

    package init(
        lora: LoRASettings, projections: [ProjectionDescription], targets: [ProjectionDescription], head: HeadShape,
        headInitialisation: HeadInitialisation, sharing: Sharing
    ) {
        self.lora = lora
        self.projections = projections
        self.targets = targets
        self.head = head
        self.headInitialisation = headInitialisation
        self.sharing = sharing
    }

    /// Every target has a LoRA of its own: the probe, and plain LoRA.
    package var allOwn: AdapterAssignment {
        AdapterAssignment(ownTargets: targets, projectionCount: projections.count)
    }

    /// What a decision means for the fine-tuning.
    package func assignment(_ decision: LayerDecision) -> AdapterAssignment {
        AdapterAssignment(
            targets: targets, kept: decision.keptProjections, sharesRest: sharing != .absent,
            projectionCount: projections.count)
    }

    package func layout(_ assignment: AdapterAssignment) -> ParameterLayout {
        ParameterLayout(
            assignment: assignment, adapterRank: lora.adapterRank, projections: projections, head: head)
    }

    /// The vector that a phase starts from, drawn from the seed.
    package func initialParameters(_ assignment: AdapterAssignment, phase: Phase, seed: UInt64) -> [Float] {
        layout(assignment).initialValues(
            seed: seed, phase: phase.rawValue, projections: projections, head: headInitialisation)
    }

    /// The vector that the fine-tuning starts from when it goes on with the probe's LoRA.
    package func warmParameters(_ assignment: AdapterAssignment, probe: [Float], seed: UInt64) -> [Float] {
        layout(assignment).warmValues(
            fresh: initialParameters(assignment, phase: .fineTune, seed: seed), probe: probe,
            probeLayout: layout(allOwn))
    }

    /// The score `weight-norm` of every projection after the probe.
    func weightNormScores(of probe: TrainingState) throws -> [Int64] {
        let bound = TrainableParameters(layout(allOwn), values: probe.parameters, scale: lora.scale)
        return try ParameterScores.integers(of: ParameterScores.weightNorms(of: bound.branches))
    }

    /// Views of a parameter and a gradient vector.
    ///
    /// A frozen shared LoRA has no gradient.
    func bind(_ layout: ParameterLayout, parameters: Matrix, gradients: Matrix) -> BoundParameters {
        let bound = TrainableParameters(layout, values: parameters, gradients: gradients, scale: lora.scale)
        let branches = zip(bound.branches, layout.assignment.roles).map { branch, role in
            guard let branch, role == .shared, sharing == .frozen else { return branch }
            return LowRankBranch(down: branch.down, up: branch.up, scale: branch.scale)
        }
        return BoundParameters(branches: branches, head: bound.head)
    }

    /// The parts of the parameter vector that an optimiser moves, each with its group.
    func trainedRanges(_ layout: ParameterLayout) -> [(range: Range<Int>, group: ParameterLayout.Group)] {
        let adapter = layout.range(of: .adapter)
        // Shared tensors stand behind those that projections own.
        let firstShared = layout.tensors.first { $0.name.hasPrefix("shared.") }?.range.lowerBound ?? adapter.upperBound
        let moved = sharing == .frozen ? adapter.lowerBound..<firstShared : adapter
        return [(moved, .adapter), (layout.range(of: .head), .head)].filter { !$0.0.isEmpty }
    }
}

/// The trained tensors as the model takes them.
struct BoundParameters: Sendable {
    /// By the projection's index.
    let branches: [LowRankBranch?]
    let head: HeadParameters
}
