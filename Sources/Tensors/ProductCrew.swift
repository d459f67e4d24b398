//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
import Synchronization

/// Compute threads that work side by side: one that has nothing left to do helps the others with their products.
///
/// Pieces of work of equal size take equal times only where all processors run at one speed. It does not show in the
/// bits who computes which part of a product (`CKernels/include/crew.h`).
///
/// `@unchecked Sendable`: what the pointer leads to is behind a lock of its own.
package final class ProductCrew: @unchecked Sendable {
    private let crew: OpaquePointer
    /// Memory of large pages for each member's copies of what its products read.
    private let rooms: [FloatStorage]
    private let joined = Atomic<Int>(0)

    /// A crew of `memberCount` threads, which `join` it.
    package init(memberCount: Int) {
        guard let crew = ck_make_crew() else { preconditionFailure("no memory for a lock") }
        self.crew = crew
        rooms = (0..<memberCount).map { _ in FloatStorage(untouched: Self.roomSize) }
    }

    deinit {
        ck_free_crew(crew)
    }

    /// A large page, if there are any: less would not be given one.
    private static let roomSize = max(CK_PRODUCT_ROOM, FloatStorage.largePageBytes / MemoryLayout<Float>.stride)

    /// Makes the calling thread a member for the rest of its life, which the crew outlives.
    package func join() {
        let member = joined.add(1, ordering: .relaxed).oldValue
        precondition(member < rooms.count, "member \(member + 1) of a crew of \(rooms.count)")
        ck_join_crew(crew)
        ck_use_product_room(rooms[member].base)
    }

    /// Every member is about to begin with work of its own, which it ends with `help`.
    package func begin() {
        ck_begin_crew(crew, rooms.count)
    }

    /// The calling member has done its work: helps until all have.
    /// - Returns: Nanoseconds that it worked for others.
    @discardableResult
    package func help() -> UInt64 {
        let helped = ck_help_crew(crew)
        ComputeClock.add(helped, to: .helping)
        return helped
    }
}
