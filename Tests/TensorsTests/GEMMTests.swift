//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("Matrix products")
struct GEMMTests {
    init() {
        BLAS.useOneThread()
    }

    @Test("agrees with the naive product over shapes, strides and transposes", arguments: [0, 1, 5])
    func shapes(gap: Int) {
        for (place, m) in [1, 2, 5, 16, 33, 70].enumerated() {
            for n in [1, 3, 8, 17, 64] {
                for k in [1, 4, 7, 32, 65] {
                    for transposes in [(false, false), (false, true), (true, false), (true, true)] {
                        let a = strided(
                            transposes.0 ? uniform(k, m, seed: 1) : uniform(m, k, seed: 2), gap: gap)
                        let b = strided(
                            transposes.1 ? uniform(n, k, seed: 3) : uniform(k, n, seed: 4), gap: gap)
                        let before = uniform(m, n, seed: UInt64(place))
                        let c = strided(before, gap: gap)
                        gemm(
                            a, transposed: transposes.0, b, transposed: transposes.1, into: c, alpha: 0.5, beta: -2)
                        let left = transposes.0 ? Twin(a).transposed : Twin(a)
                        let right = transposes.1 ? Twin(b).transposed : Twin(b)
                        var expected = left * right
                        for (place, value) in before.values.enumerated() {
                            expected.values[place] = 0.5 * expected.values[place] - 2 * Double(value)
                        }
                        let difference = expected.largestDifference(from: c)
                        #expect(difference < 1e-5, "[\(m), \(k)] x [\(k), \(n)], transposed \(transposes)")
                    }
                }
            }
        }
    }

    @Test("with beta 0 what the result held is not read")
    func garbage() {
        for size in [1, 4, 33, 100] {
            let c = Matrix(rows: size, columns: size)
            c.fill(.nan)
            let a = uniform(size, size, seed: 5)
            gemm(a, a, transposed: true, into: c)
            #expect((Twin(a) * Twin(a).transposed).largestDifference(from: c) < 1e-4)
        }
    }

    @Test("sizes of zero are allowed: no inner terms leave beta·c")
    func zeroSizes() {
        let c = uniform(3, 2, seed: 6)
        let before = c.values
        gemm(Matrix(rows: 3, columns: 0), Matrix(rows: 0, columns: 2), into: c, beta: 0.5)
        let halves = before.map { $0 * 0.5 }
        #expect(c.values == halves)
        c.fill(.nan)
        gemm(Matrix(rows: 3, columns: 0), Matrix(rows: 0, columns: 2), into: c)
        #expect(c.values == [0, 0, 0, 0, 0, 0])
        gemm(Matrix(rows: 0, columns: 4), Matrix(rows: 4, columns: 2), into: Matrix(rows: 0, columns: 2))
        gemm(Matrix(rows: 2, columns: 4), Matrix(rows: 4, columns: 0), into: Matrix(rows: 2, columns: 0))
    }

    @Test("the bits do not depend on where the matrices lie")
    func addresses() {
        for (m, n, k) in [(7, 11, 32), (99, 384, 384), (1, 64, 33), (11, 1, 50)] {
            let a = uniform(m, k, seed: 7)
            let b = uniform(n, k, seed: 8)
            let c = Matrix(rows: m, columns: n)
            gemm(a, b, transposed: true, into: c)
            for gap in [1, 2, 3, 4] {
                let moved = strided(c, gap: gap)
                gemm(strided(a, gap: gap), strided(b, gap: gap), transposed: true, into: moved)
                #expect(moved.values == c.values, "[\(m), \(k)] x [\(k), \(n)] moved by \(gap)")
            }
        }
    }

    @Test("the library says what it is")
    func description() {
        #expect(BLAS.description.contains("OpenBLAS"))
    }
}
