//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// One tensor of a base model, read-only, in whatever type its file has.
package protocol FrozenWeight: Sendable {
    /// The tensor as floats, [rows, columns]; a vector is [1, columns]. Floats are viewed where they lie, halves are
    /// widened into `workspace`.
    func matrix(in workspace: Workspace) -> Matrix

    /// The rows of `range` as floats, viewed or widened as by `matrix(in:)`.
    func rows(_ range: Range<Int>, in workspace: Workspace) -> Matrix

    /// Whether its floats are read where they lie.
    var isInPlace: Bool { get }

    /// The weight as products of split floats read it; nil if it has to be widened for them.
    var splitWeight: SplitWeight? { get }

    /// Writes row `ids[i]` to row i of `rows`, or adds it, without widening the rest of the tensor.
    func gatherRows(_ ids: [Int32], into rows: Matrix, adding: Bool, workspace: Workspace)

    /// Lets go of the memory of a large tensor of which only some rows are read, if it can be read again.
    func letGo()
}

/// Where the tensors of a base model come from.
package protocol WeightSource {
    /// What to call it in errors: the folder or the file.
    var location: String { get }

    /// Whether there is a tensor of this name.
    func contains(_ name: String) -> Bool

    /// The tensor of this name.
    /// - Throws: An error that names file and tensor if it is absent, has another shape or is no float.
    func weight(_ name: String, shape: [Int]) throws -> any FrozenWeight
}

/// A matrix in memory is a weight as it is.
extension Matrix: FrozenWeight {
    package func matrix(in workspace: Workspace) -> Matrix { self }

    package func rows(_ range: Range<Int>, in workspace: Workspace) -> Matrix { rows(range) }

    package var isInPlace: Bool { true }

    package var splitWeight: SplitWeight? { SplitWeight(self) }

    package func gatherRows(_ ids: [Int32], into rows: Matrix, adding: Bool, workspace: Workspace) {
        rows.gatherRows(ids, of: self, adding: adding)
    }

    package func letGo() {}
}
