//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// A tensor in a mapped file, which nobody writes.
///
/// F32 is used in place; F16 and BF16 are widened to floats at each use, which costs one pass over them and keeps one
/// copy of the weights on a machine.
package struct FrozenTensor: Sendable {
    package let name: String
    package let shape: [Int]
    package let dtype: DType
    package let file: MappedFile
    /// Where its bytes lie in the file.
    package let byteRange: Range<Int>
    /// The tensor as it lies in the file, where a float can be read at its address.
    let inPlace: Matrix?

    init(_ entry: SafetensorsHeader.Entry, file: MappedFile) {
        name = entry.name
        shape = entry.shape
        dtype = entry.dtype
        byteRange = entry.byteRange
        self.file = file
        let start = file.base + entry.byteRange.lowerBound
        if entry.dtype == .float32, Int(bitPattern: start) % MemoryLayout<Float>.alignment == 0 {
            // The storage needs a writable pointer for the matrices that are written; the pages behind this one are
            // read-only. `release` holds the file and so keeps it mapped as long as a view lives.
            let floats = UnsafeMutableRawPointer(mutating: start).assumingMemoryBound(to: Float.self)
            let storage = FloatStorage(borrowing: floats, count: entry.count) { withExtendedLifetime(file) {} }
            let (rows, columns) = Self.extents(of: entry.shape)
            inPlace = Matrix(storage, offset: 0, rows: rows, columns: columns)
        } else {
            inPlace = nil
        }
    }

    /// Whether its floats are read where they lie in the file.
    package var isInPlace: Bool { inPlace != nil }

    /// How many elements it has.
    package var count: Int { shape.reduce(1, *) }

    /// Its extent as a matrix: [product of all dimensions but the last, last]; a vector is one row.
    private static func extents(of shape: [Int]) -> (rows: Int, columns: Int) {
        (shape.dropLast().reduce(1, *), shape.last ?? 1)
    }

    /// The tensor as floats: a view of the file, or a copy in `workspace` that lives as long as its scope.
    ///
    /// A vector becomes [1, n]; a tensor with more than two dimensions keeps its last one as the columns.
    /// - Precondition: `dtype.isWeight`; `ModelWeights.tensor(_:shape:)` has checked it.
    package func matrix(in workspace: Workspace) -> Matrix {
        if let inPlace { return inPlace }
        let (rows, columns) = Self.extents(of: shape)
        let result = workspace.matrix(rows: rows, columns: columns)
        widen(into: result)
        return result
    }

    /// The elements as floats, row by row, in memory of their own.
    /// - Precondition: `dtype.isWeight`.
    package var values: [Float] {
        let (rows, columns) = Self.extents(of: shape)
        if let inPlace { return inPlace.values }
        let result = Matrix(rows: rows, columns: columns)
        widen(into: result)
        return result.values
    }

    private func widen(into matrix: Matrix) {
        precondition(dtype.isWeight, "tensor \(name) of \(dtype.rawValue) is no weight")
        file.withBytes(in: byteRange) { bytes in
            switch dtype {
            case .float16: ck_widen_f16(bytes.baseAddress, count, matrix.base)
            case .bfloat16: ck_widen_bf16(bytes.baseAddress, count, matrix.base)
            default:
                // F32 at an address that no float can be read at.
                UnsafeMutableRawBufferPointer(start: matrix.base, count: bytes.count).copyMemory(from: bytes)
            }
        }
    }

    /// Hands out the tensor's bytes as they lie in the file, piece by piece in order.
    package func forEachPiece(byteCount: Int = 1 << 20, _ body: ([UInt8]) throws -> Void) rethrows {
        precondition(byteCount > 0, "pieces of \(byteCount) bytes")
        for start in stride(from: byteRange.lowerBound, to: byteRange.upperBound, by: byteCount) {
            let range = start..<min(start + byteCount, byteRange.upperBound)
            try body(file.withBytes(in: range) { Array($0) })
        }
    }

    /// The index of the first element that is an infinity or not a number, or nil.
    /// - Precondition: `dtype.isWeight`.
    package var firstNonFinite: Int? {
        precondition(dtype.isWeight, "tensor \(name) of \(dtype.rawValue) is no weight")
        let index = file.withBytes(in: byteRange) { bytes in
            switch dtype {
            case .float16: ck_first_non_finite_16(bytes.baseAddress, count, 0x7C00)
            case .bfloat16: ck_first_non_finite_16(bytes.baseAddress, count, 0x7F80)
            default: ck_first_non_finite_f32(bytes.baseAddress, count)
            }
        }
        return index == count ? nil : index
    }

    /// Reads the whole tensor once and refuses one with an element that is not finite.
    /// - Throws: `TensorFileError` with code `notFinite`, naming file, tensor and index.
    package func requireFinite() throws(TensorFileError) {
        if let index = firstNonFinite {
            throw TensorFileError(
                .notFinite,
                "\(file.path), tensor \(name) of shape \(shape): element \(index) is an infinity or not a number; "
                    + "the file is damaged or its training has diverged")
        }
    }
}
