//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// How the products with frozen weights are computed; the names are those of PyTorch's `set_float32_matmul_precision`.
package enum MatmulPrecision: String, Sendable, Hashable, CaseIterable, Codable {
    /// Each step of a sum is a multiply-add of floats (`CKernels/include/product.h`).
    case highest
    /// Floats are split into two bfloat16s, which the matrix units of some processors multiply several times as fast as
    /// floats; about 16 bits of each factor count (`CKernels/include/split_product.h`).
    case high

    /// Whether this processor has a matrix unit that speeds `high` up; else it computes the same bits, slower than
    /// `highest`.
    package static var hasMatrixUnit: Bool { ck_has_matrix_unit() != 0 }

    /// Runs `body` without the matrix unit, on this thread: for tests and comparisons.
    package static func withoutMatrixUnit<Result>(_ body: () throws -> Result) rethrows -> Result {
        ck_leave_matrix_unit(1)
        defer { ck_leave_matrix_unit(0) }
        return try body()
    }
}
