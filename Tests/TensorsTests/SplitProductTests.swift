//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing

@Suite("Products of floats that are split into two bfloat16s")
struct SplitProductTests {
    private let workspace = Workspace()

    /// Rows, columns and depths around the sizes of tiles, panels and blocks.
    private static let shapes: [(rows: Int, columns: Int, depth: Int)] = {
        let sizes = [1, 15, 16, 17, 33, 49]
        var shapes = sizes.flatMap { rows in
            sizes.flatMap { columns in [1, 2, 31, 32, 65].map { (rows: rows, columns: columns, depth: $0) } }
        }
        for depth in [1023, 1024, 1025, 2051] {
            shapes += [(3, 5, depth), (34, 18, depth)]
        }
        return shapes
    }()

    /// The bfloat16 nearest to a float, ties to even.
    private func nearest(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7FFF + (bits >> 16) & 1) & 0xFFFF_0000)
    }

    /// Writes a safetensors file with one matrix of bfloat16s.
    private func bfloat16File(_ name: String, _ values: Matrix, at path: String) throws {
        let halves = values.values.map { UInt16(nearest($0).bitPattern >> 16).littleEndian }
        var header =
            "{\"\(name)\":{\"dtype\":\"BF16\",\"shape\":[\(values.rowCount),\(values.columnCount)],"
            + "\"data_offsets\":[0,\(2 * halves.count)]}}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        var bytes = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header.utf8)
        halves.withUnsafeBytes { bytes.append(contentsOf: $0) }
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    private func split(_ value: Float) -> (high: Float, low: Float) {
        let high = nearest(value)
        return (high, nearest(value - high))
    }

    /// The definition: `left` is the factor whose rows are the result's rows where the sums are formed.
    private func naive(
        _ start: Float, depth: Int, wholeWeights: Bool = true, weightIsLeft: Bool, left: (Int) -> Float,
        right: (Int) -> Float
    ) -> Float {
        var result = start
        for begin in stride(from: 0, to: depth, by: SplitWeight.depthBlock) {
            var sum: Float = 0
            for step in stride(from: begin, to: min(begin + SplitWeight.depthBlock, depth), by: 32) {
                let lefts = (step..<step + 32).map { split($0 < depth ? left($0) : 0) }
                let rights = (step..<step + 32).map { split($0 < depth ? right($0) : 0) }
                // Left high by right low, left high by right high, left low by right high.
                for term in 0..<3 where wholeWeights || term != (weightIsLeft ? 2 : 0) {
                    var (even, odd): (Float, Float) = (0, 0)
                    for place in stride(from: 0, to: 32, by: 2) {
                        func factors(_ place: Int) -> (Float, Float) {
                            (
                                term == 2 ? lefts[place].low : lefts[place].high,
                                term == 0 ? rights[place].low : rights[place].high
                            )
                        }
                        let (first, second) = (factors(place), factors(place + 1))
                        even.addProduct(first.0, first.1)
                        odd.addProduct(second.0, second.1)
                    }
                    sum += even + odd
                }
            }
            result += sum
        }
        return result
    }

    private func expectEqual(_ found: Matrix, _ what: String, _ expected: (Int, Int) -> Float) {
        for row in 0..<found.rowCount {
            for column in 0..<found.columnCount {
                let wanted = expected(row, column)
                guard found[row, column].bitPattern == wanted.bitPattern else {
                    Issue.record(
                        "\(what), element (\(row), \(column)): expected \(wanted), found \(found[row, column])")
                    return
                }
            }
        }
    }

    /// Runs a check with the matrix unit, where there is one, and without.
    private func both(_ body: () -> Void) {
        FloatingPointMode.flushingDenormals {
            body()
            MatmulPrecision.withoutMatrixUnit(body)
        }
    }

    @Test("y += x·Wᵀ is the definition, bit by bit, with the matrix unit and without")
    func transposed() {
        both {
            for shape in Self.shapes {
                let x = strided(uniform(shape.rows, shape.depth, seed: 1), gap: 3)
                let weight = strided(uniform(shape.columns, shape.depth, seed: 2), gap: 1)
                let before = uniform(shape.rows, shape.columns, seed: 3)
                let bias = uniform(1, shape.columns, seed: 4)
                workspace.scope {
                    let y = strided(before, gap: 2)
                    y.setSplitProduct(
                        PackedRows(x, for: .high, in: workspace), transposed: SplitWeight(weight), adding: true)
                    expectEqual(y, "y + x·Wᵀ of \(shape)") { row, column in
                        naive(
                            before[row, column], depth: shape.depth, weightIsLeft: true, left: { weight[column, $0] },
                            right: { x[row, $0] })
                    }
                    y.fill(.nan)
                    y.setSplitProduct(
                        PackedRows(x, for: .high, in: workspace), transposed: SplitWeight(weight), bias: bias)
                    expectEqual(y, "bias + x·Wᵀ of \(shape)") { row, column in
                        naive(
                            bias[0, column], depth: shape.depth, weightIsLeft: true, left: { weight[column, $0] },
                            right: { x[row, $0] })
                    }
                }
            }
        }
    }

    @Test(
        "a·W, set or added, is the definition, bit by bit, with the matrix unit and without", arguments: [false, true])
    func plain(adding: Bool) {
        both {
            for shape in Self.shapes {
                let a = strided(uniform(shape.rows, shape.depth, seed: 1), gap: 3)
                let weight = strided(uniform(shape.depth, shape.columns, seed: 2), gap: 1)
                let before = uniform(shape.rows, shape.columns, seed: 3)
                let y = strided(before, gap: 2)
                if !adding { y.fill(.nan) }
                y.setSplitProduct(a, SplitWeight(weight), adding: adding, in: workspace)
                expectEqual(y, "a·W of \(shape)") { row, column in
                    naive(
                        adding ? before[row, column] : 0, depth: shape.depth, weightIsLeft: false,
                        left: { a[row, $0] }, right: { weight[$0, column] })
                }
            }
        }
    }

    @Test("Weights that are bfloat16s in their file are read there, and their low part is left out")
    func bfloat16() throws {
        let shapes = [
            (rows: 5, columns: 7, depth: 33), (rows: 33, columns: 17, depth: 64), (rows: 20, columns: 40, depth: 1030),
        ]
        for shape in shapes {
            let path = NSTemporaryDirectory() + "loradrop-split-\(UUID().uuidString).safetensors"
            defer { try? FileManager.default.removeItem(atPath: path) }
            let values = uniform(shape.columns, shape.depth, seed: 4)
            try bfloat16File("w", values, at: path)
            let tensor = try #require(try SafetensorsFile(path: path)["w"])
            let wide = tensor.matrix(in: Workspace())
            let weight = try #require(tensor.splitWeight)
            both {
                let x = uniform(shape.rows, shape.depth, seed: 5)
                let y = Matrix(rows: shape.rows, columns: shape.columns)
                workspace.scope {
                    y.setSplitProduct(PackedRows(x, for: .high, in: workspace), transposed: weight)
                }
                expectEqual(y, "x·Wᵀ of \(shape)") { row, column in
                    naive(
                        0, depth: shape.depth, wholeWeights: false, weightIsLeft: true, left: { wide[column, $0] },
                        right: { x[row, $0] })
                }
                let gradient = uniform(shape.rows, shape.columns, seed: 6)
                let back = Matrix(rows: shape.rows, columns: shape.depth)
                back.setSplitProduct(gradient, weight, in: workspace)
                expectEqual(back, "dy·W of \(shape)") { row, column in
                    naive(
                        0, depth: shape.columns, wholeWeights: false, weightIsLeft: false, left: { gradient[row, $0] },
                        right: { wide[$0, column] })
                }
            }
        }
    }

    @Test("Weights that are kept split give the bits of those that are split anew")
    func kept() {
        both {
            for shape in Self.shapes {
                let x = uniform(shape.rows, shape.depth, seed: 1)
                let gradient = uniform(shape.rows, shape.columns, seed: 2)
                let weight = SplitWeight(strided(uniform(shape.columns, shape.depth, seed: 3), gap: 1))
                func products(_ weight: SplitWeight) -> [[UInt32]] {
                    let y = Matrix(rows: shape.rows, columns: shape.columns)
                    let back = Matrix(rows: shape.rows, columns: shape.depth)
                    workspace.scope {
                        y.setSplitProduct(PackedRows(x, for: .high, in: workspace), transposed: weight)
                    }
                    back.setSplitProduct(gradient, weight, in: workspace)
                    return [y, back].map { $0.values.map(\.bitPattern) }
                }
                #expect(products(weight.kept()) == products(weight), "\(shape)")
            }
        }
    }

    @Test("A row has the same bits in whatever company it is computed")
    func company() {
        both {
            let x = uniform(70, 100, seed: 1)
            let weight = uniform(40, 100, seed: 2)
            func product(_ x: Matrix) -> Matrix {
                let y = Matrix(rows: x.rowCount, columns: 40)
                workspace.scope {
                    y.setSplitProduct(PackedRows(x, for: .high, in: workspace), transposed: SplitWeight(weight))
                }
                return y
            }
            let all = product(x)
            for range in [0..<1, 3..<20, 31..<33, 69..<70] {
                #expect(product(x.rows(range)).values == all.rows(range).values)
            }
        }
    }

    @Test("The error is that of about 16 bits of each factor")
    func error() {
        let (rows, columns, depth) = (40, 50, 700)
        let x = uniform(rows, depth, seed: 1)
        let weight = uniform(columns, depth, seed: 2)
        let y = Matrix(rows: rows, columns: columns)
        y.setSplitProduct(PackedRows(x, for: .high, in: workspace), transposed: SplitWeight(weight))
        var (squares, total) = (0.0, 0.0)
        for row in 0..<rows {
            for column in 0..<columns {
                let exact = (0..<depth).reduce(0.0) { $0 + Double(x[row, $1]) * Double(weight[column, $1]) }
                squares += (Double(y[row, column]) - exact) * (Double(y[row, column]) - exact)
                total += exact * exact
            }
        }
        let relative = (squares / total).squareRoot()
        #expect(relative < 0x1p-16, "a relative error of \(relative)")
        // Otherwise these would be products of whole floats.
        #expect(relative > 0x1p-22, "a relative error of \(relative)")
    }

    @Test("What is not finite is not finite afterwards", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) {
        both {
            let x = uniform(3, 40, seed: 1)
            x[1, 7] = value
            let weight = uniform(5, 40, seed: 2)
            let y = Matrix(rows: 3, columns: 5)
            workspace.scope {
                y.setSplitProduct(PackedRows(x, for: .high, in: workspace), transposed: SplitWeight(weight))
            }
            #expect(y.rows(1..<2).values.allSatisfy { !$0.isFinite })
            #expect(y.rows(0..<1).values.allSatisfy(\.isFinite) && y.rows(2..<3).values.allSatisfy(\.isFinite))
        }
        // A NaN whose rounding would carry into its sign.
        both {
            let x = uniform(1, 32, seed: 1)
            x[0, 0] = Float(bitPattern: 0x7FFF_FFFF)
            let y = Matrix(rows: 1, columns: 1)
            y.setSplitProduct(x, SplitWeight(uniform(32, 1, seed: 2)), in: workspace)
            #expect(y[0, 0].isNaN)
        }
    }
}
