//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("Products whose bits depend on the operands alone")
struct ProductTests {
    private let workspace = Workspace()

    /// Rows, columns and depths around the sizes of tiles, panels and blocks.
    private static let shapes: [(rows: Int, columns: Int, depth: Int)] = {
        let sizes = [1, 2, 7, 8, 9, 16, 23, 33, 49, 97]
        var shapes = sizes.flatMap { rows in
            sizes.flatMap { columns in [1, 3, 8, 31, 64].map { (rows: rows, columns: columns, depth: $0) } }
        }
        for depth in [767, 768, 769, 1600] {
            shapes += [(3, 5, depth), (50, 25, depth), (9, 49, depth)]
        }
        // Several panels that are copied, some while the ones before them are multiplied.
        shapes += [(61, 150, 300), (13, 75, 513), (12, 100, 256)]
        // With the gaps of 1 and 3 floats behind their rows, strides at which rows fall into the same cache sets: of b or
        // of weights, of a, and of both.
        shapes += [(17, 1023, 9), (30, 1023, 300), (9, 11, 1023), (9, 60, 1021), (5, 1023, 1021)]
        return shapes
    }()

    /// A chain of multiply-adds from `start`, depth by depth: the definition.
    private func chain(_ start: Float, _ depth: Int, _ factors: (Int) -> (Float, Float)) -> Float {
        var sum = start
        for p in 0..<depth {
            let (a, b) = factors(p)
            sum = ProductKernels.areFused ? sum.addingProduct(a, b) : sum + a * b
        }
        return sum
    }

    private func expectEqual(_ found: Matrix, _ what: String, _ expected: (Int, Int) -> Float) {
        for row in 0..<found.rowCount {
            for column in 0..<found.columnCount where found[row, column].bitPattern != expected(row, column).bitPattern
            {
                Issue.record(
                    "\(what), element (\(row), \(column)): expected \(expected(row, column)), found \(found[row, column])"
                )
                return
            }
        }
    }

    @Test("x·Wᵀ with bias and a low-rank term is the naive chain, bit by bit", arguments: [1, 3, 4])
    func packed(level: Int) {
        ProductKernels.withLevel(atMost: level) {
            for shape in Self.shapes {
                let x = strided(uniform(shape.rows, shape.depth, seed: 1), gap: 3)
                let weight = strided(uniform(shape.columns, shape.depth, seed: 2), gap: 1)
                let bias = uniform(1, shape.columns, seed: 3)
                let z = uniform(shape.rows, 5, seed: 4)
                let up = uniform(shape.columns, 5, seed: 5)
                workspace.scope {
                    let y = strided(Matrix(rows: shape.rows, columns: shape.columns), gap: 2)
                    y.fill(.nan)
                    y.setProduct(PackedRows(x, in: workspace), transposed: weight)
                    expectEqual(y, "x·Wᵀ of \(shape)") { row, column in
                        chain(0, shape.depth) { (x[row, $0], weight[column, $0]) }
                    }
                    y.setProduct(
                        PackedRows(x, in: workspace), transposed: weight, bias: bias,
                        plus: (PackedRows(z, in: workspace), up))
                    expectEqual(y, "x·Wᵀ + z·Bᵀ of \(shape)") { row, column in
                        let frozen = chain(bias[0, column], shape.depth) { (x[row, $0], weight[column, $0]) }
                        return chain(frozen, 5) { (z[row, $0], up[column, $0]) }
                    }
                    #expect(gapsAreUntouched(around: y), "x·Wᵀ + z·Bᵀ of \(shape)")
                }
            }
        }
    }

    @Test("a·b, set or added, is the naive chain, bit by bit", arguments: [1, 3, 4])
    func plain(level: Int) {
        ProductKernels.withLevel(atMost: level) {
            for shape in Self.shapes {
                let a = strided(uniform(shape.rows, shape.depth, seed: 1), gap: 3)
                let b = strided(uniform(shape.depth, shape.columns, seed: 2), gap: 1)
                let before = uniform(shape.rows, shape.columns, seed: 3)
                let c = strided(before, gap: 2)
                c.setProduct(a, b, adding: true)
                expectEqual(c, "c + a·b of \(shape)") { row, column in
                    chain(before[row, column], shape.depth) { (a[row, $0], b[$0, column]) }
                }
                c.fill(.nan)
                c.setProduct(a, b)
                expectEqual(c, "a·b of \(shape)") { row, column in
                    chain(0, shape.depth) { (a[row, $0], b[$0, column]) }
                }
                #expect(gapsAreUntouched(around: c), "a·b of \(shape)")
            }
        }
    }

    @Test("aᵀ·b, set or added, is the naive chain, bit by bit", arguments: [1, 3, 4])
    func contracted(level: Int) {
        ProductKernels.withLevel(atMost: level) {
            for shape in Self.shapes {
                let a = strided(uniform(shape.depth, shape.rows, seed: 1), gap: 3)
                let b = strided(uniform(shape.depth, shape.columns, seed: 2), gap: 1)
                let before = uniform(shape.rows, shape.columns, seed: 3)
                let c = strided(before, gap: 2)
                c.setProduct(transposed: a, b, adding: true)
                expectEqual(c, "c + aᵀ·b of \(shape)") { row, column in
                    chain(before[row, column], shape.depth) { (a[$0, row], b[$0, column]) }
                }
                c.fill(.nan)
                c.setProduct(transposed: a, b)
                expectEqual(c, "aᵀ·b of \(shape)") { row, column in
                    chain(0, shape.depth) { (a[$0, row], b[$0, column]) }
                }
                #expect(gapsAreUntouched(around: c), "aᵀ·b of \(shape)")
            }
        }
    }

    @Test("a·xᵀ of one head, into padded rows, is the naive chain, bit by bit", arguments: [1, 3, 4])
    func byRows(level: Int) {
        ProductKernels.withLevel(atMost: level) {
            for shape in Self.shapes {
                workspace.scope {
                    let a = strided(uniform(shape.rows, shape.depth, seed: 1), gap: 3)
                    let x = strided(uniform(shape.columns, shape.depth, seed: 2), gap: 1)
                    let c = workspace.headMatrix(rows: shape.rows, columns: shape.columns)
                    c.fill(.nan)
                    c.setHeadProducts(a, transposed: x, heads: 1, in: workspace)
                    expectEqual(c, "a·xᵀ of \(shape)") { row, column in
                        chain(0, shape.depth) { (a[row, $0], x[column, $0]) }
                    }
                }
            }
        }
    }

    @Test("a row has the same bits in whatever company it is computed")
    func company() {
        let x = uniform(61, 96, seed: 6)
        let weight = uniform(40, 96, seed: 7)
        let back = uniform(96, 40, seed: 8)
        let forward = Matrix(rows: 61, columns: 40)
        forward.setProduct(PackedRows(x, in: workspace), transposed: weight)
        let backward = Matrix(rows: 61, columns: 40)
        backward.setProduct(x, back)
        for (first, count) in [(0, 1), (5, 12), (13, 48), (60, 1), (1, 7)] {
            let rows = first..<first + count
            let part = Matrix(rows: count, columns: 40)
            part.setProduct(PackedRows(x.rows(rows), in: workspace), transposed: weight)
            #expect(part.values == forward.rows(rows).values)
            part.setProduct(x.rows(rows), back)
            #expect(part.values == backward.rows(rows).values)
        }
    }
}
