//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// An activation and what the projections that share it read of it.
struct PackedInput {
    /// [rows, inputSize].
    let matrix: Matrix
    /// The same, laid out; it lies in the workspace's scratch.
    let packed: PackedRows
    let rows: RowLayout

    init(_ matrix: Matrix, _ rows: RowLayout, for readers: [AdaptedLinear], context: PassContext) {
        self.matrix = matrix
        self.rows = rows
        packed = ComputeClock.count(.projections) {
            PackedRows(
                matrix, for: context.precision, forTrained: readers.contains { $0.branch != nil },
                in: context.workspace.scratch)
        }
    }
}
