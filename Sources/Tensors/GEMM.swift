//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenBLAS

/// c = alpha·op(a)·op(b) + beta·c, where op transposes if asked to.
///
/// Shapes: op(a) [m, k], op(b) [k, n], c [m, n]; row strides are honoured. Any of m, n and k may be zero; with k = 0
/// the result is beta·c. With beta = 0 what c held before is not read.
/// - Precondition: The shapes agree, and c overlaps neither a nor b.
package func gemm(
    _ a: Matrix, transposed aIsTransposed: Bool = false, _ b: Matrix, transposed bIsTransposed: Bool = false,
    into c: Matrix, alpha: Float = 1, beta: Float = 0
) {
    let (m, k) = aIsTransposed ? (a.columnCount, a.rowCount) : (a.rowCount, a.columnCount)
    let (inner, n) = bIsTransposed ? (b.columnCount, b.rowCount) : (b.rowCount, b.columnCount)
    precondition(
        inner == k && c.rowCount == m && c.columnCount == n,
        "a product [\(m), \(k)] x [\(inner), \(n)] into [\(c.rowCount), \(c.columnCount)]")
    guard m > 0, n > 0 else { return }
    guard k > 0 else {
        c.scale(by: beta)
        return
    }
    withExtendedLifetime((a, b, c)) {
        cblas_sgemm(
            CblasRowMajor, aIsTransposed ? CblasTrans : CblasNoTrans, bIsTransposed ? CblasTrans : CblasNoTrans,
            Int32(m), Int32(n), Int32(k), alpha, a.base, Int32(a.rowStride), b.base, Int32(b.rowStride), beta, c.base,
            Int32(c.rowStride))
    }
}

/// c = alpha·a·op(b) + beta·c; see `gemm(_:transposed:_:transposed:into:alpha:beta:)`.
package func gemm(
    _ a: Matrix, _ b: Matrix, transposed bIsTransposed: Bool, into c: Matrix, alpha: Float = 1, beta: Float = 0
) {
    gemm(a, transposed: false, b, transposed: bIsTransposed, into: c, alpha: alpha, beta: beta)
}

/// The library behind `gemm`.
package enum BLAS {
    /// From now on every product is computed by the thread that asks for it.
    ///
    /// Call once, before the first product: how many threads a product is split over decides its bits.
    package static func useOneThread() {
        openblas_set_num_threads(1)
    }

    /// Version, build options and the kind of core whose kernels were chosen, for instance
    /// "OpenBLAS 0.3.21 DYNAMIC_ARCH … SkylakeX MAX_THREADS=64, core SkylakeX".
    package static var description: String {
        "\(String(cString: openblas_get_config())), core \(String(cString: openblas_get_corename()))"
    }
}
