//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("Products of attention, head by head")
struct HeadProductsTests {
    private let workspace = Workspace()

    /// Heads, their size, rows on the left and on the right.
    private static let shapes = [
        (heads: 1, size: 1, left: 1, right: 1), (heads: 2, size: 32, left: 11, right: 11),
        (heads: 3, size: 8, left: 1, right: 29), (heads: 5, size: 17, left: 40, right: 40),
        (heads: 12, size: 64, left: 9, right: 50), (heads: 2, size: 4, left: 130, right: 130),
        (heads: 4, size: 24, left: 13, right: 7), (heads: 3, size: 40, left: 6, right: 30),
        (heads: 2, size: 16, left: 300, right: 20), (heads: 3, size: 32, left: 18, right: 255),
        (heads: 3, size: 32, left: 18, right: 256),
    ]

    private func isSame(_ one: Matrix, _ other: Matrix) -> Bool {
        (0..<one.rowCount).allSatisfy { row in
            (0..<one.columnCount).allSatisfy { one[row, $0].bitPattern == other[row, $0].bitPattern }
        }
    }

    @Test("All heads in one call are each head's product, bit by bit", arguments: [1, 3, 4])
    func heads(level: Int) {
        ProductKernels.withLevel(atMost: level) {
            for (heads, size, left, right) in Self.shapes {
                let query = strided(uniform(left, heads * size, seed: 1), gap: 3)
                let key = strided(uniform(right, heads * size, seed: 2), gap: 1)
                let outer = strided(uniform(left, heads * size, seed: 3), gap: 2)
                workspace.scope {
                    let scores = PackedRows.paddedMatrix(rows: heads * left, columns: right, in: workspace)
                    scores.setHeadProducts(query, transposed: key, heads: heads, in: workspace)
                    let context = strided(Matrix(rows: left, columns: heads * size), gap: 5)
                    context.fill(.nan)
                    context.setHeadProducts(scores, key, heads: heads)
                    let gradient = strided(Matrix(rows: right, columns: heads * size), gap: 4)
                    gradient.fill(.nan)
                    gradient.setHeadProducts(transposed: scores, outer, heads: heads)
                    #expect(gapsAreUntouched(around: context) && gapsAreUntouched(around: gradient))
                    for head in 0..<heads {
                        let columns = head * size..<(head + 1) * size
                        let rows = head * left..<(head + 1) * left
                        let alone = workspace.matrix(rows: left, columns: right)
                        alone.setProduct(
                            PackedRows(query.columns(columns), in: workspace), transposed: key.columns(columns))
                        #expect(isSame(scores.rows(rows), alone))
                        let contextAlone = Matrix(rows: left, columns: size)
                        contextAlone.setProduct(alone, key.columns(columns))
                        #expect(isSame(context.columns(columns), contextAlone))
                        let gradientAlone = Matrix(rows: right, columns: size)
                        gradientAlone.setProduct(transposed: alone, outer.columns(columns))
                        #expect(isSame(gradient.columns(columns), gradientAlone))
                    }
                }
            }
        }
    }
}
