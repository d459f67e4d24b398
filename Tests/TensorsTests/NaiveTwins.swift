//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Randomness
import Tensors

/// A matrix of 64-bit floats without strides: what the naive twins of the kernels compute in.
struct Twin {
    let rowCount: Int
    let columnCount: Int
    var values: [Double]

    init(rows: Int, columns: Int) {
        rowCount = rows
        columnCount = columns
        values = [Double](repeating: 0, count: rows * columns)
    }

    init(_ matrix: Matrix) {
        rowCount = matrix.rowCount
        columnCount = matrix.columnCount
        values = matrix.values.map(Double.init)
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * columnCount + column] }
        set { values[row * columnCount + column] = newValue }
    }

    var transposed: Twin {
        var result = Twin(rows: columnCount, columns: rowCount)
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                result[column, row] = self[row, column]
            }
        }
        return result
    }

    static func * (a: Twin, b: Twin) -> Twin {
        var result = Twin(rows: a.rowCount, columns: b.columnCount)
        for row in 0..<a.rowCount {
            for column in 0..<b.columnCount {
                for inner in 0..<a.columnCount {
                    result[row, column] += a[row, inner] * b[inner, column]
                }
            }
        }
        return result
    }

    /// The largest difference from `matrix`; NaN where one of them is.
    func largestDifference(from matrix: Matrix) -> Double {
        guard matrix.rowCount == rowCount, matrix.columnCount == columnCount else { return .infinity }
        var largest = 0.0
        for (x, y) in zip(values, matrix.values) {
            let difference = abs(x - Double(y))
            largest = difference > largest || difference.isNaN ? difference : largest
        }
        return largest
    }

    /// Every row replaced by softmax(scale·row).
    func softmax(scale: Double) -> Twin {
        var result = self
        for row in 0..<rowCount {
            let exponentials = (0..<columnCount).map { exp(scale * self[row, $0]) }
            let sum = exponentials.reduce(0, +)
            for column in 0..<columnCount {
                result[row, column] = exponentials[column] / sum
            }
        }
        return result
    }

    /// Normalised rows times `gamma` plus `beta`.
    func layerNorm(gamma: [Double], beta: [Double], epsilon: Double) -> Twin {
        var result = self
        for row in 0..<rowCount {
            let values = (0..<columnCount).map { self[row, $0] }
            let mean = values.reduce(0, +) / Double(columnCount)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columnCount)
            for column in 0..<columnCount {
                result[row, column] =
                    (values[column] - mean) / (variance + epsilon).squareRoot() * gamma[column] + beta[column]
            }
        }
        return result
    }

    /// The gradient of Σ weights·function(self) by central differences.
    func numericalGradient(weights: Twin, of function: (Twin) -> Twin) -> Twin {
        var result = Twin(rows: rowCount, columns: columnCount)
        func sum(_ twin: Twin) -> Double { zip(function(twin).values, weights.values).reduce(0) { $0 + $1.0 * $1.1 } }
        let step = 1e-5
        for place in values.indices {
            var moved = self
            moved.values[place] = values[place] + step
            let above = sum(moved)
            moved.values[place] = values[place] - step
            result.values[place] = (above - sum(moved)) / (2 * step)
        }
        return result
    }
}

extension Activation {
    /// The definition, in 64-bit floats.
    func twin(_ v: Double) -> Double {
        switch self {
        case .gelu: v * erfc(-v / 2.0.squareRoot()) / 2
        case .geluNew, .geluTanh: v / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v)))
        case .relu: max(v, 0)
        }
    }
}

extension Matrix {
    var isNaNEverywhere: Bool { values.allSatisfy(\.isNaN) }
}

/// Uniform numbers in [-1, 1) that depend on `seed` alone.
func uniform(_ rows: Int, _ columns: Int, seed: UInt64, scale: Float = 1) -> Matrix {
    Matrix(
        rows: rows, columns: columns,
        values: RandomStream(seed: seed, purpose: .randomScore).uniform(
            count: rows * columns, low: -scale, high: scale))
}

/// The same elements with `gap` floats of NaN between rows and an odd start: a kernel that ignores the stride or
/// reads beyond a row is seen.
func strided(_ matrix: Matrix, gap: Int) -> Matrix {
    let stride = matrix.columnCount + gap
    let storage = FloatStorage(count: matrix.rowCount * stride + gap + 1)
    Matrix(storage, offset: 0, rows: 1, columns: storage.count).fill(.nan)
    let result = Matrix(
        storage, offset: gap, rows: matrix.rowCount, columns: matrix.columnCount, rowStride: stride)
    result.copy(from: matrix)
    return result
}

/// Whether what lies around the rows of a matrix that `strided` made is as it left it.
func gapsAreUntouched(around matrix: Matrix) -> Bool {
    let gap = matrix.rowStride - matrix.columnCount
    let storage = matrix.storage
    let floats = Matrix(storage, offset: 0, rows: 1, columns: storage.count).values
    return floats.indices.allSatisfy { place in
        let (row, column) = (place - gap).quotientAndRemainder(dividingBy: matrix.rowStride)
        let isInside = place >= gap && row < matrix.rowCount && column < matrix.columnCount
        return isInside || floats[place].isNaN
    }
}

/// Sizes around the widths of vectors and of blocks.
let sizesWithTails = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 70]
