//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

extension SequenceClassifier {
    /// Adds the gradients of everything trained in the branches and the head of `pass`.
    ///
    /// Nothing is computed below the lowest trained module.
    /// - Parameters:
    ///   - pass: Of this model; each pass once, and before its workspace's scope ends.
    ///   - logitsGradient: [examples, labels]; not written.
    package func backward(_ pass: ForwardPass, logitsGradient: Matrix) {
        precondition(pass.allowsBackward, "backward through a pass that was made without forBackward")
        let workspace = pass.context.workspace
        workspace.scope {
            guard let classifier = pass.head.classifier else {
                preconditionFailure("a sequence classifier without a classifier")
            }
            classifier.addGradients(outputGradient: logitsGradient, input: pass.pooled)
            let entersEncoder = pass.lowestTrainedLayer < encoder.layers.count
            guard entersEncoder || pass.head.pooler?.isTrained ?? false else { return }

            let pooled = workspace.matrix(rows: pass.pooled.rowCount, columns: pass.pooled.columnCount)
            pooled.setProduct(logitsGradient, classifier.weight)
            if let slope = pass.poolerSlope {
                pooled.multiply(by: slope)
            } else {
                pooled.applyTanhBackward(y: pass.pooled)
            }
            pass.head.pooler?.addGradients(outputGradient: pooled, input: pass.first)
            guard entersEncoder else { return }

            let first = workspace.matrix(rows: pooled.rowCount, columns: pooled.columnCount)
            workspace.scope {
                guard let weight = pass.head.pooler?.weight ?? encoder.pooler?.weight.matrix(in: workspace) else {
                    preconditionFailure("a model without a pooler and a head without one")
                }
                first.setProduct(pooled, weight)
            }
            backwardThroughLayers(pass, first: first)
        }
    }

    /// - Parameter first: The gradient of the last layer's output at the first tokens, [examples, hidden].
    private func backwardThroughLayers(_ pass: ForwardPass, first: Matrix) {
        let workspace = pass.context.workspace
        let hidden = first.columnCount
        var gradient = first
        if pass.outputRows.rowCount != pass.outputRows.exampleCount {
            gradient = workspace.zeros(rows: pass.rows.rowCount, columns: hidden)
            for example in 0..<pass.rows.exampleCount {
                let start = pass.rows.starts[example]
                gradient.rows(start..<start + 1).copy(from: first.rows(example..<example + 1))
            }
        }
        let buffers = (0..<2).map { _ in workspace.matrix(rows: pass.rows.rowCount, columns: hidden) }
        for number in encoder.layers.indices.reversed() where number >= pass.lowestTrainedLayer {
            let isLast = number == encoder.layers.count - 1
            let layer = layer(
                number, rows: pass.rows, outputRows: isLast ? pass.outputRows : pass.rows, context: pass.context)
            let inner = number > pass.lowestTrainedLayer ? buffers[number % 2] : nil
            workspace.scope {
                layer.backward(gradient, kept: pass.layers[number - pass.lowestTrainedLayer], inputGradient: inner)
            }
            gradient = inner ?? gradient
            pass.context.layerDone?()
        }
    }
}
