//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
package import Tensors
package import Transformer

/// What `lora_drop.json` beside an adapter says; PEFT does not read it.
///
/// How the layers were chosen, and what is needed to use the adapter that PEFT's files have no place for.
package struct LoRADropRecord: Hashable, Sendable, Codable {
    /// Of this file's format; a higher one is refused.
    package static let currentFormatVersion = 2

    /// One layer with target modules.
    package struct Layer: Hashable, Sendable, Codable {
        /// The layer's number, from 0.
        package var layer: Int
        /// Its modules' parts of the importance of all, summed; nil where nothing was measured.
        package var importance: Double?
        /// Name within the layer → what it has and its part of the importance.
        package var modules: [String: Module]
    }

    /// One target projection.
    package struct Module: Hashable, Sendable, Codable {
        /// "own", "shared" or "none".
        package var adapter: String
        package var importance: Double?
    }

    package var formatVersion = Self.currentFormatVersion
    /// SHA-256 of the base model's weights (`BaseModelFingerprint`), 64 hexadecimal digits.
    package var baseModelFingerprint: String
    /// "classification", "regression" or "generation".
    package var task: String
    /// The labels in the order of the logits; empty for a regression.
    package var labels: [String]
    package var seed: UInt64
    package var score: ImportanceScore
    package var granularity: DecisionGranularity
    package var threshold: Double
    package var sampleRatio: Double
    package var probeEpochs: Int
    /// What the layers have that were not kept.
    package var sharing: Sharing
    /// Tokens that the texts of the training were cut to, special ones included.
    package var maximumSequenceLength: Int
    /// Tokens of a shard: with another value, predictions round differently.
    package var shardTokens: Int
    /// Of the products with frozen weights, where it was not the highest: with another, predictions round differently.
    package var matmulPrecision: MatmulPrecision?
    /// Layers in the order of their numbers.
    package var layers: [Layer]
    /// Layers of which every target owns its LoRA.
    package var keptLayers: [Int]
    /// Layers of which some target uses a shared LoRA.
    package var sharedLayers: [Int]
    /// Layers of which no target has a LoRA.
    package var droppedLayers: [Int]
    /// LoRA parameters that were trained, and those of a LoRA of its own on every target.
    package var trainedParameterCount: Int
    package var plainParameterCount: Int

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case baseModelFingerprint = "base_model_sha256"
        case task
        case labels
        case seed
        case score
        case granularity
        case threshold
        case sampleRatio = "sample_ratio"
        case probeEpochs = "probe_epochs"
        case sharing = "shared_lora"
        case maximumSequenceLength = "max_sequence_length"
        case shardTokens = "shard_tokens"
        case matmulPrecision = "matmul_precision"
        case layers
        case keptLayers = "kept_layers"
        case sharedLayers = "shared_layers"
        case droppedLayers = "dropped_layers"
        case trainedParameterCount = "lora_parameters_trained"
        case plainParameterCount = "lora_parameters_of_plain_lora"
    }

    /// - Parameters:
    ///   - decision: Nil where the settings alone decided and nothing was measured.
    ///   - layout: Of the fine-tuning.
    package init(
        fingerprint: Digest, task: String, labels: [String], seed: UInt64, settings: LoRADropSettings,
        sharing: Sharing, maximumSequenceLength: Int, shardTokens: Int, matmulPrecision: MatmulPrecision = .highest,
        decision: LayerDecision?, targets: [ProjectionDescription], layout: ParameterLayout
    ) {
        baseModelFingerprint = fingerprint.description
        self.task = task
        self.labels = labels
        self.seed = seed
        score = settings.score
        granularity = settings.granularity
        threshold = settings.threshold
        sampleRatio = settings.sampleRatio
        probeEpochs = settings.probeEpochs
        self.sharing = sharing
        self.maximumSequenceLength = maximumSequenceLength
        self.shardTokens = shardTokens
        self.matmulPrecision = matmulPrecision == .highest ? nil : matmulPrecision
        func importance(of members: [ProjectionDescription]) -> Double? {
            decision.map { decision in members.reduce(0) { $0 + decision.projectionShares[$1.index] } }
        }
        let roles = layout.assignment.roles
        let byLayer = Dictionary(grouping: targets, by: \.layer).sorted { $0.key < $1.key }
        layers = byLayer.map { layer, members in
            let modules = members.map { member in
                (member.name, Module(adapter: roles[member.index].name, importance: importance(of: [member])))
            }
            return Layer(
                layer: layer, importance: importance(of: members),
                modules: Dictionary(modules, uniquingKeysWith: { first, _ in first }))
        }
        keptLayers = byLayer.filter { $0.value.allSatisfy { roles[$0.index] == .own } }.map(\.key)
        sharedLayers = byLayer.filter { $0.value.contains { roles[$0.index] == .shared } }.map(\.key)
        droppedLayers = byLayer.filter { $0.value.allSatisfy { roles[$0.index] == .absent } }.map(\.key)
        trainedParameterCount = layout.range(of: .adapter).count
        plainParameterCount = targets.reduce(0) { $0 + layout.adapterRank * ($1.inputSize + $1.outputSize) }
    }
}

extension AdapterAssignment.Role {
    /// How files call it.
    package var name: String {
        switch self {
        case .absent: "none"
        case .own: "own"
        case .shared: "shared"
        }
    }
}
