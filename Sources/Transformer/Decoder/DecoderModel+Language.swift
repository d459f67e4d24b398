//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

extension DecoderModel {
    /// Logits that are held at a time, at most: 32 MiB.
    private static let logitCount = 1 << 23

    /// The logits over the vocabulary, [rows, vocabulary].
    /// - Parameter hidden: What a pass found, [rows, hidden].
    /// - Precondition: `hasLanguageHead`.
    package func logits(of hidden: Matrix, workspace: Workspace) -> Matrix {
        let logits = workspace.matrix(rows: hidden.rowCount, columns: configuration.vocabularySize)
        ComputeClock.count(.head) {
            workspace.scope {
                logits.setProduct(
                    PackedRows(hidden, for: precision, in: workspace), transposed: languageHead, at: precision,
                    in: workspace)
            }
        }
        return logits
    }

    /// The cross-entropy of every token of the completions that `pass` was asked for, and its gradient.
    ///
    /// Logits are computed and used a few rows at a time, so that a large vocabulary costs little memory.
    /// - Parameters:
    ///   - pass: Made of `batch` with `DecoderReads.completions`.
    ///   - hiddenGradient: Gets the gradient of the losses' sum, of the shape of `pass.hidden`; nil: not computed.
    /// - Returns: By example the sum over its completion's tokens.
    /// - Precondition: `hasLanguageHead`.
    package func completionLosses(
        _ pass: DecoderPass, of batch: PackedSequences, hiddenGradient: Matrix?
    ) -> [Double] {
        let workspace = pass.context.workspace
        let labels = (0..<batch.exampleCount).flatMap { example in
            // The row at a position predicts the token behind it.
            let first = batch.starts[example] + pass.firstPosition(of: example) + 1
            return batch.tokenIDs[first..<first + pass.outputRows.rows(of: example).count]
        }
        var losses: [Double] = []
        losses.reserveCapacity(labels.count)
        let blockSize = max(1, Self.logitCount / configuration.vocabularySize)
        for start in stride(from: 0, to: labels.count, by: blockSize) {
            let block = start..<min(start + blockSize, labels.count)
            workspace.scope {
                let logits = logits(of: pass.hidden.rows(block), workspace: workspace)
                losses += ComputeClock.count(.head) {
                    logits.crossEntropy(labels: Array(labels[block]), differentiating: hiddenGradient != nil)
                }
                ComputeClock.count(.head) {
                    hiddenGradient?.rows(block).setProduct(logits, languageHead, at: precision, in: workspace)
                }
            }
        }
        return (0..<batch.exampleCount).map { example in
            losses[pass.outputRows.rows(of: example)].reduce(0, +)
        }
    }

    private var languageHead: any FrozenWeight {
        guard let head = weights.languageHead else {
            preconditionFailure("logits of a decoder without a language model's head")
        }
        return head
    }
}
