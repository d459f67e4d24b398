//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// A decoder with a place for a linear score on each example's last token: transformers' `…ForSequenceClassification`.
package struct DecoderClassifier: Sendable {
    package let decoder: DecoderModel

    package init(_ decoder: DecoderModel) {
        self.decoder = decoder
    }

    /// What a forward pass found, and what backward needs of it.
    package struct Pass {
        /// [examples, labels].
        package let logits: Matrix
        let pass: DecoderPass
        let score: DenseParameters
    }

    /// Computes the logits; see `DecoderModel.forward`.
    package func forward(
        _ batch: PackedSequences, branches: [LowRankBranch?], score: DenseParameters, dropout: InputDropout? = nil,
        forBackward: Bool = true, recomputes: Bool = false, layerDone: (() -> Void)? = nil, workspace: Workspace
    ) -> Pass {
        let pass = decoder.forward(
            batch, branches: branches, dropout: dropout, reads: .lastToken, forBackward: forBackward,
            recomputes: recomputes, layerDone: layerDone, workspace: workspace)
        let logits = workspace.matrix(rows: pass.hidden.rowCount, columns: score.weight.rowCount)
        ComputeClock.count(.head) {
            workspace.scope {
                logits.setProduct(PackedRows(pass.hidden, in: workspace), transposed: score.weight, bias: score.bias)
            }
        }
        return Pass(logits: logits, pass: pass, score: score)
    }

    /// Adds the gradients of everything trained in the branches and the score.
    /// - Parameter logitsGradient: [examples, labels]; not written.
    package func backward(_ pass: Pass, logitsGradient: Matrix) {
        let workspace = pass.pass.context.workspace
        let hidden = pass.pass.hidden
        pass.score.addGradients(outputGradient: logitsGradient, input: hidden)
        workspace.scope {
            let gradient = workspace.matrix(rows: hidden.rowCount, columns: hidden.columnCount)
            gradient.setProduct(logitsGradient, pass.score.weight)
            decoder.backward(pass.pass, hiddenGradient: gradient)
        }
    }
}
