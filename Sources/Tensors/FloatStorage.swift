//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// Memory that matrices view: floats of our own, or a part of a file that stays mapped.
///
/// The class exists to keep memory alive; who may write is the business of the views. A mapped file is mapped
/// read-only, so a write through a view of frozen weights is stopped by the processor.
///
/// `@unchecked Sendable`: the stored properties never change; the floats behind `base` are shared under the rule
/// that a matrix is written by one thread at a time (each slot has buffers of its own).
package final class FloatStorage: @unchecked Sendable {
    /// How many floats there are.
    package let count: Int
    let base: UnsafeMutablePointer<Float>
    private let release: () -> Void

    /// Allocates `count` zeros, aligned to a cache line (64 bytes).
    package init(count: Int) {
        precondition(count >= 0, "a storage of \(count) floats")
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
        base = bytes.bindMemory(to: Float.self, capacity: max(count, 1))
        base.initialize(repeating: 0, count: max(count, 1))
        self.count = count
        release = { bytes.deallocate() }
    }

    /// Allocates `count` floats of any value, aligned to a cache line.
    ///
    /// The system finds memory for them page by page, when they are written first: where there is room for large pages,
    /// by large pages. What a product reads side by side lies in so many small ones that it waits for their addresses.
    init(untouched count: Int) {
        precondition(count > 0, "a storage of \(count) floats")
        let byteCount = count * MemoryLayout<Float>.stride
        let isLarge = byteCount >= Self.largePageBytes
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: byteCount, alignment: isLarge ? Self.largePageBytes : 64)
        if isLarge {
            // A wish: a system without large pages says no, and memory is as good as before.
            _ = madvise(bytes, byteCount, MADV_HUGEPAGE)
        }
        base = bytes.bindMemory(to: Float.self, capacity: count)
        self.count = count
        release = { bytes.deallocate() }
    }

    /// 2 MiB, a large page of x86-64 and of most others.
    static let largePageBytes = 2 << 20

    /// Views memory that somebody else owns, a mapped file for instance.
    /// - Parameter release: Called once, when the last view is gone.
    init(borrowing base: UnsafeMutablePointer<Float>, count: Int, release: @escaping () -> Void) {
        self.base = base
        self.count = count
        self.release = release
    }

    deinit {
        release()
    }
}
