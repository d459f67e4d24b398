//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Buffers for one compute thread, taken like a stack and given back all at once: a steady step allocates nothing.
///
/// A shard's pass takes what it needs with `matrix(rows:columns:)` and `scope` gives back everything that was taken
/// inside it. It grows while the largest shard is still unknown; from then on its size stays. Each block is at least
/// as large as all before it, so that few matrices meet the end of one; pages that were never taken take no memory.
///
/// Not thread-safe and not `Sendable`: each slot owns one.
package final class Workspace {
    private var blocks: [FloatStorage] = []
    private var block = 0
    private var used = 0

    /// Floats that one block holds at least.
    private let blockSize: Int

    /// A second stack, for what is given back while things that were taken later are kept: the copies that products
    /// read, for instance.
    package private(set) lazy var scratch = Workspace(blockSize: blockSize)

    /// An empty workspace; the first request allocates.
    package init(blockSize: Int = 1 << 20) {
        precondition(blockSize > 0, "a workspace with blocks of \(blockSize) floats")
        self.blockSize = blockSize
    }

    /// A matrix whose elements are whatever was there before.
    package func matrix(rows: Int, columns: Int) -> Matrix {
        let needed = rows * columns
        // A start on a cache line (16 floats) keeps rows of different matrices apart.
        let padded = (needed + 15) & ~15
        while block < blocks.count, used + padded > blocks[block].count {
            block += 1
            used = 0
        }
        if block == blocks.count {
            blocks.append(FloatStorage(untouched: max(blockSize, padded, floatCount)))
        }
        let result = Matrix(blocks[block], offset: used, rows: rows, columns: columns)
        used += padded
        return result
    }

    /// A matrix as `matrix(rows:columns:)` gives it, with a gap behind each row where rows would otherwise lie a multiple
    /// of 4 KiB apart: those fall into the same few sets of a cache, which products read side by side.
    package func spreadMatrix(rows: Int, columns: Int) -> Matrix {
        guard columns % 1024 == 0 else { return matrix(rows: rows, columns: columns) }
        return matrix(rows: rows, columns: columns + 16).columns(0..<columns)
    }

    /// A matrix of zeros.
    package func zeros(rows: Int, columns: Int) -> Matrix {
        let result = matrix(rows: rows, columns: columns)
        result.fill(0)
        return result
    }

    /// Runs `body` and gives back all that it took.
    ///
    /// What it took must not be used afterwards.
    package func scope<Result>(_ body: () throws -> Result) rethrows -> Result {
        let mark = (block, used)
        defer { (block, used) = mark }
        return try body()
    }

    private var floatCount: Int { blocks.reduce(0) { $0 + $1.count } }

    /// Bytes of address space held, without `scratch`.
    package var byteCount: Int { floatCount * MemoryLayout<Float>.stride }
}
