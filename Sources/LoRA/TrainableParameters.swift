//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors
package import Transformer

/// The trained numbers as the model sees them: views of one vector of values and, in training, one of gradients.
///
/// Shared projections view the same tensors, so that their gradients add up where they lie.
package struct TrainableParameters: Sendable {
    package let layout: ParameterLayout
    /// [1, layout.count].
    package let values: Matrix
    /// [1, layout.count], or nil where nothing is trained.
    package let gradients: Matrix?
    /// By the projection's index.
    package let branches: [LowRankBranch?]
    package let head: HeadParameters

    /// Views `values` and `gradients`, [1, layout.count] each.
    /// - Parameter scale: What B·A·x is multiplied with.
    package init(_ layout: ParameterLayout, values: Matrix, gradients: Matrix? = nil, scale: Float) {
        precondition(
            values.rowCount == 1 && values.columnCount == layout.count,
            "values [\(values.rowCount), \(values.columnCount)] for \(layout.count) parameters")
        if let gradients {
            precondition(
                gradients.rowCount == 1 && gradients.columnCount == layout.count,
                "gradients [\(gradients.rowCount), \(gradients.columnCount)] for \(layout.count) parameters")
        }
        func view(_ vector: Matrix, _ tensor: Int) -> Matrix {
            let tensor = layout.tensors[tensor]
            return vector.columns(tensor.range).reshaped(rows: tensor.rowCount, columns: tensor.columnCount)
        }
        func dense(_ place: (weight: Int, bias: Int?)) -> DenseParameters {
            DenseParameters(
                weight: view(values, place.weight), bias: place.bias.map { view(values, $0) },
                weightGradient: gradients.map { view($0, place.weight) },
                biasGradient: gradients.flatMap { gradients in place.bias.map { view(gradients, $0) } })
        }
        self.layout = layout
        self.values = values
        self.gradients = gradients
        branches = layout.places.map { place in
            place.map { place in
                LowRankBranch(
                    down: view(values, place.down), up: view(values, place.up),
                    downGradient: gradients.map { view($0, place.down) },
                    upGradient: gradients.map { view($0, place.up) }, scale: scale)
            }
        }
        head = HeadParameters(classifier: layout.classifierPlace.map(dense), pooler: layout.poolerPlace.map(dense))
    }

    /// Views a copy of `values`, without gradients.
    package init(_ layout: ParameterLayout, values: [Float], scale: Float) {
        self.init(layout, values: Matrix(rows: 1, columns: values.count, values: values), scale: scale)
    }
}
