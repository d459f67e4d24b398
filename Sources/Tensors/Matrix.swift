//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A view of floats as a row-major matrix, [rowCount, columnCount], whose rows lie `rowStride` floats apart.
///
/// A matrix is a view: copies share the floats. Slices of rows and of columns are views too, so that a GEMM reads
/// one head of an attention, or one example of a packed batch, where it lies.
///
/// `@unchecked Sendable` for the same reason as `FloatStorage`: one thread writes at a time.
package struct Matrix: @unchecked Sendable {
    package let rowCount: Int
    package let columnCount: Int
    /// The distance in floats from one row's start to the next; at least `columnCount`.
    package let rowStride: Int
    package let storage: FloatStorage
    let base: UnsafeMutablePointer<Float>

    /// A matrix of zeros with memory of its own.
    package init(rows: Int, columns: Int) {
        self.init(FloatStorage(count: rows * columns), offset: 0, rows: rows, columns: columns)
    }

    /// Views `rows` rows of `columns` floats in `storage` from `offset` on.
    /// - Parameter rowStride: The distance between rows; `columns` unless given.
    package init(_ storage: FloatStorage, offset: Int, rows: Int, columns: Int, rowStride: Int? = nil) {
        let stride = rowStride ?? columns
        precondition(
            offset >= 0 && rows >= 0 && columns >= 0 && stride >= columns,
            "a matrix [\(rows), \(columns)] with row stride \(stride) at \(offset)")
        let end = rows == 0 || columns == 0 ? offset : offset + (rows - 1) * stride + columns
        precondition(
            end <= storage.count, "a matrix [\(rows), \(columns)] at \(offset) leaves a storage of \(storage.count)")
        self.storage = storage
        self.base = storage.base + offset
        self.rowCount = rows
        self.columnCount = columns
        self.rowStride = stride
    }

    private init(_ storage: FloatStorage, base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, rowStride: Int) {
        self.storage = storage
        self.base = base
        self.rowCount = rows
        self.columnCount = columns
        self.rowStride = rowStride
    }

    /// One element.
    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition(row >= 0 && row < rowCount && column >= 0 && column < columnCount, outside(row, column))
            return base[row * rowStride + column]
        }
        nonmutating set {
            precondition(row >= 0 && row < rowCount && column >= 0 && column < columnCount, outside(row, column))
            base[row * rowStride + column] = newValue
        }
    }

    /// The rows of `range`, as a view.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= rowCount, "rows \(range) of a matrix with \(rowCount)")
        return Matrix(
            storage, base: base + range.lowerBound * rowStride, rows: range.count, columns: columnCount,
            rowStride: rowStride)
    }

    /// The columns of `range`, as a view.
    package func columns(_ range: Range<Int>) -> Matrix {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= columnCount,
            "columns \(range) of a matrix with \(columnCount)")
        return Matrix(
            storage, base: base + range.lowerBound, rows: rowCount, columns: range.count, rowStride: rowStride)
    }

    /// The same floats as [rows, columns]; the matrix must be without gaps and have as many elements.
    package func reshaped(rows: Int, columns: Int) -> Matrix {
        precondition(
            isContiguous && rows * columns == rowCount * columnCount,
            "[\(rowCount), \(columnCount)] with row stride \(rowStride) as [\(rows), \(columns)]")
        return Matrix(storage, base: base, rows: rows, columns: columns, rowStride: columns)
    }

    /// Whether the elements lie without gaps.
    package var isContiguous: Bool { rowStride == columnCount || rowCount <= 1 }

    /// The number of elements.
    package var count: Int { rowCount * columnCount }

    /// Sets every element.
    package func fill(_ value: Float) {
        for row in 0..<rowCount {
            (base + row * rowStride).update(repeating: value, count: columnCount)
        }
    }

    /// Copies the elements of `other`, which has the same shape.
    package func copy(from other: Matrix) {
        precondition(
            other.rowCount == rowCount && other.columnCount == columnCount,
            "[\(other.rowCount), \(other.columnCount)] into [\(rowCount), \(columnCount)]")
        for row in 0..<rowCount {
            (base + row * rowStride).update(from: other.base + row * other.rowStride, count: columnCount)
        }
    }

    /// Copies the elements of `other`, [columns, rows], with rows and columns exchanged.
    package func copy(transposed other: Matrix) {
        precondition(
            other.rowCount == columnCount && other.columnCount == rowCount,
            "[\(other.rowCount), \(other.columnCount)]ᵀ into [\(rowCount), \(columnCount)]")
        for column in 0..<columnCount {
            let source = other.base + column * other.rowStride
            for row in 0..<rowCount {
                base[row * rowStride + column] = source[row]
            }
        }
    }

    /// Copies `values`, row by row.
    package func copy(from values: [Float]) {
        precondition(values.count == count, "\(values.count) values into [\(rowCount), \(columnCount)]")
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                base[row * rowStride + column] = values[row * columnCount + column]
            }
        }
    }

    /// The elements, row by row.
    package var values: [Float] {
        var result: [Float] = []
        result.reserveCapacity(count)
        for row in 0..<rowCount {
            result.append(contentsOf: UnsafeBufferPointer(start: base + row * rowStride, count: columnCount))
        }
        return result
    }

    /// A matrix with memory of its own and these elements, row by row.
    package init(rows: Int, columns: Int, values: [Float]) {
        self.init(rows: rows, columns: columns)
        copy(from: values)
    }

    private func outside(_ row: Int, _ column: Int) -> String {
        "element (\(row), \(column)) of a matrix [\(rowCount), \(columnCount)]"
    }
}
