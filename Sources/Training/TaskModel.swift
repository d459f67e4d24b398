//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import Generation
package import Tensors
package import Transformer

/// A frozen base model as training sees it, whichever kind it is: what it makes of a shard.
package protocol TaskModel: Sendable {
    /// Every projection that a LoRA can be put on; branches are indexed by the place in it.
    var projections: [ProjectionDescription] { get }

    /// Of the products with frozen weights.
    var precision: MatmulPrecision { get }

    /// The same model, its products with frozen weights at this precision.
    /// - Parameter keeping: Whether weights are kept split, where they are: memory for time, the same bits.
    func computing(at precision: MatmulPrecision, keepingSplitWeights keeping: Bool) -> Self

    /// Says whether this model can compute `batch`, which may have come from a peer.
    /// - Throws: `TransformerError` with code `badBatch`, naming the example and the token.
    func check(_ batch: PackedSequences) throws(TransformerError)

    /// Forward, loss and backward: adds the gradients of the un-normalised loss to those of `pass`.
    /// - Parameter recomputes: Whether activations are computed again in backward instead of kept; the bits are the same.
    /// - Returns: The sum of the losses.
    func addGradients(_ pass: ShardPass, loss: Loss, dropout: InputDropout?, recomputes: Bool) -> Double

    /// Runs all tokens through all layers and tells of every branch's z = A·x, by the projection's index.
    func observe(_ pass: ShardPass, _ observer: @escaping (Int, Matrix) -> Void)

    /// What the model says of each example: logits, or the sum of the losses of its completion's tokens.
    func answers(_ pass: ShardPass) -> [[Float]]

    /// What goes on with texts.
    /// - Throws: `TrainingError` or `GenerationError` for a model that generates none.
    func generator(branches: [LowRankBranch?]) throws -> TextGenerator
}

/// A shard, what is trained on it, and the memory of the thread that computes it.
package struct ShardPass {
    package let shard: Shard
    package let batch: PackedSequences
    package let branches: [LowRankBranch?]
    package let head: HeadParameters
    package let workspace: Workspace
    /// Called after each layer, forward and backward.
    package let layerDone: (() -> Void)?

    package init(
        _ shard: Shard, branches: [LowRankBranch?], head: HeadParameters, workspace: Workspace,
        layerDone: (() -> Void)? = nil
    ) {
        self.shard = shard
        batch = PackedSequences(shard)
        self.branches = branches
        self.head = head
        self.workspace = workspace
        self.layerDone = layerDone
    }

    /// Where each example's completion starts.
    fileprivate var completions: [Int] { shard.examples.map(\.completionStart) }

    fileprivate var targets: [Target] { shard.examples.map(\.target) }
}

extension TaskModel {
    /// What the model says of every example of a shard.
    /// - Throws: `TransformerError` with code `badBatch` for tokens that the model has no embedding for.
    package func predict(
        _ shard: Shard, branches: [LowRankBranch?], head: HeadParameters, workspace: Workspace,
        layerDone: (() -> Void)? = nil
    ) throws -> [Prediction] {
        let pass = ShardPass(shard, branches: branches, head: head, workspace: workspace, layerDone: layerDone)
        try check(pass.batch)
        return zip(shard.examples, workspace.scope { answers(pass) }).map { example, answer in
            Prediction(example: example.index, logits: answer)
        }
    }
}

extension TaskModel {
    /// A text after every example of a shard, its prompt.
    /// - Parameter round: Called for every token that the shard's texts got; what it throws breaks the work off.
    /// - Throws: As `generator`; what a prompt does that the model cannot go on with.
    package func generate(
        _ shard: Shard, branches: [LowRankBranch?], by settings: GenerationSettings, workspace: Workspace,
        round: () throws -> Void = {}
    ) throws -> [GeneratedText] {
        let prompts = shard.examples.map { Prompt(index: $0.index, tokenIDs: $0.tokenIDs) }
        let texts = try generator(branches: branches).generate(
            prompts, settings: settings, workspace: workspace, round: round)
        return zip(prompts, texts).map { GeneratedText(example: $0.index, tokens: $1) }
    }
}

extension SequenceClassifier: TaskModel {
    package func generator(branches: [LowRankBranch?]) throws -> TextGenerator {
        throw TrainingError(code: .badRequest, message: "an encoder generates no texts; expected a decoder")
    }

    package func addGradients(
        _ pass: ShardPass, loss: Loss, dropout: InputDropout?, recomputes: Bool
    ) -> Double {
        let workspace = pass.workspace
        let forward = ComputeClock.count(.forward) {
            self.forward(
                pass.batch, branches: pass.branches, head: pass.head, dropout: dropout, reads: .firstTokenOnly,
                layerDone: pass.layerDone, workspace: workspace)
        }
        let logits = forward.logits
        let gradient = workspace.matrix(rows: logits.rowCount, columns: logits.columnCount)
        let sum = ComputeClock.count(.loss) {
            loss.sum(logits: logits, targets: pass.targets, gradient: gradient)
        }
        ComputeClock.count(.backward) { backward(forward, logitsGradient: gradient) }
        return sum
    }

    package func observe(_ pass: ShardPass, _ observer: @escaping (Int, Matrix) -> Void) {
        _ = forward(
            pass.batch, branches: pass.branches, head: pass.head, dropout: nil, reads: .allTokens,
            forBackward: false, observe: observer, layerDone: pass.layerDone, workspace: pass.workspace)
    }

    package func answers(_ pass: ShardPass) -> [[Float]] {
        let logits = forward(
            pass.batch, branches: pass.branches, head: pass.head, dropout: nil, reads: .firstTokenOnly,
            forBackward: false, layerDone: pass.layerDone, workspace: pass.workspace
        ).logits
        return (0..<logits.rowCount).map { logits.rows($0..<$0 + 1).values }
    }
}

/// With a head it is a sequence classifier, without one a language model.
extension DecoderModel: TaskModel {
    package func generator(branches: [LowRankBranch?]) throws -> TextGenerator {
        try TextGenerator(self, branches: branches)
    }

    package func addGradients(
        _ pass: ShardPass, loss: Loss, dropout: InputDropout?, recomputes: Bool
    ) -> Double {
        let workspace = pass.workspace
        if let score = pass.head.classifier {
            let classifier = DecoderClassifier(self)
            let forward = ComputeClock.count(.forward) {
                classifier.forward(
                    pass.batch, branches: pass.branches, score: score, dropout: dropout, recomputes: recomputes,
                    layerDone: pass.layerDone, workspace: workspace)
            }
            let logits = forward.logits
            let gradient = workspace.matrix(rows: logits.rowCount, columns: logits.columnCount)
            let sum = ComputeClock.count(.loss) {
                loss.sum(logits: logits, targets: pass.targets, gradient: gradient)
            }
            ComputeClock.count(.backward) { classifier.backward(forward, logitsGradient: gradient) }
            return sum
        }
        let forward = ComputeClock.count(.forward) {
            self.forward(
                pass.batch, branches: pass.branches, dropout: dropout, reads: .completions(first: pass.completions),
                recomputes: recomputes, layerDone: pass.layerDone, workspace: workspace)
        }
        let gradient = workspace.matrix(rows: forward.hidden.rowCount, columns: forward.hidden.columnCount)
        let losses = ComputeClock.count(.loss) {
            completionLosses(forward, of: pass.batch, hiddenGradient: gradient)
        }
        ComputeClock.count(.backward) { backward(forward, hiddenGradient: gradient) }
        return losses.reduce(0, +)
    }

    package func observe(_ pass: ShardPass, _ observer: @escaping (Int, Matrix) -> Void) {
        _ = forward(
            pass.batch, branches: pass.branches, reads: .allTokens, forBackward: false, observe: observer,
            layerDone: pass.layerDone, workspace: pass.workspace)
    }

    package func answers(_ pass: ShardPass) -> [[Float]] {
        if let score = pass.head.classifier {
            let logits = DecoderClassifier(self).forward(
                pass.batch, branches: pass.branches, score: score, forBackward: false, layerDone: pass.layerDone,
                workspace: pass.workspace
            ).logits
            return (0..<logits.rowCount).map { logits.rows($0..<$0 + 1).values }
        }
        let forward = forward(
            pass.batch, branches: pass.branches, reads: .completions(first: pass.completions), forBackward: false,
            layerDone: pass.layerDone, workspace: pass.workspace)
        return completionLosses(forward, of: pass.batch, hiddenGradient: nil).map { [Float($0)] }
    }
}
