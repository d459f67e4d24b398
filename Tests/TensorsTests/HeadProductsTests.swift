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
        (heads: 1, size: 56, left: 3, right: 48),
        // Deep ones of all three kinds: p·v, pᵀ·v whose vectors run along heads, and along the tokens.
        (heads: 3, size: 32, left: 18, right: 255), (heads: 3, size: 32, left: 18, right: 256),
        (heads: 2, size: 16, left: 255, right: 12), (heads: 2, size: 16, left: 256, right: 12),
        (heads: 2, size: 16, left: 300, right: 20),
        // With its gap a row of keys is as long as makes rows collide.
        (heads: 1, size: 1023, left: 4, right: 20),
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
                let shape = "\(heads) heads of \(size), \(left) by \(right) rows"
                workspace.scope {
                    let room = workspace.headMatrix(rows: 1, columns: right).rowStride
                    let whole = workspace.matrix(rows: heads * left, columns: room + 3)
                    whole.fill(.nan)
                    let scores = whole.columns(0..<right)
                    scores.setHeadProducts(query, transposed: key, heads: heads, in: workspace)
                    #expect(whole.columns(room..<room + 3).values.allSatisfy { $0.isNaN }, "behind the room, \(shape)")
                    let context = strided(Matrix(rows: left, columns: heads * size), gap: 5)
                    context.fill(.nan)
                    context.setHeadProducts(scores, key, heads: heads)
                    let gradient = strided(Matrix(rows: right, columns: heads * size), gap: 4)
                    gradient.fill(.nan)
                    gradient.setHeadProducts(transposed: scores, outer, heads: heads)
                    #expect(gapsAreUntouched(around: context) && gapsAreUntouched(around: gradient), "gaps, \(shape)")
                    for head in 0..<heads {
                        let columns = head * size..<(head + 1) * size
                        let rows = head * left..<(head + 1) * left
                        let alone = workspace.matrix(rows: left, columns: right)
                        alone.setProduct(
                            PackedRows(query.columns(columns), in: workspace), transposed: key.columns(columns))
                        #expect(isSame(scores.rows(rows), alone), "q·kᵀ of head \(head), \(shape)")
                        let contextAlone = Matrix(rows: left, columns: size)
                        contextAlone.setProduct(alone, key.columns(columns))
                        #expect(isSame(context.columns(columns), contextAlone), "p·v of head \(head), \(shape)")
                        let gradientAlone = Matrix(rows: right, columns: size)
                        gradientAlone.setProduct(transposed: alone, outer.columns(columns))
                        #expect(isSame(gradient.columns(columns), gradientAlone), "pᵀ·v of head \(head), \(shape)")
                    }
                }
            }
        }
    }
}
