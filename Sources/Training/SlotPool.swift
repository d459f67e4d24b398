//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors

/// The compute threads of one worker: one thread a slot, each running one shard at a time; one that has no shard left
/// helps the others with their products.
///
/// They are threads of their own because a BLAS call blocks for its whole length, which Swift's cooperative pool must
/// not. Every one of them flushes denormals, which is part of what decides the bits.
package final class SlotPool: Sendable {
    package let slotCount: Int
    private let queue: JobQueue

    /// Starts `slotCount` threads, which end with the pool.
    package init(slotCount: Int) {
        precondition(slotCount > 0, "a pool of \(slotCount) slots")
        self.slotCount = slotCount
        // A BLAS that used several threads would give other bits with every number of cores.
        BLAS.useOneThread()
        // The threads hold the queue and not the pool: dropping the pool closes the queue and so ends them.
        let queue = JobQueue(slotCount: slotCount)
        self.queue = queue
        for slot in 0..<slotCount {
            let thread = Thread {
                FloatingPointMode.flushDenormals()
                queue.serve(slot: slot)
            }
            thread.name = "slot-\(slot)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    deinit {
        queue.close()
    }

    /// Runs `body(slot, index)` once for every index below `count`, each on some slot, and waits for all of them.
    ///
    /// After an error no further index is begun. Of several errors the one with the lowest index is thrown: indexes
    /// are begun in order, so the message does not depend on timing.
    package func forEach(
        count: Int, _ body: @escaping @Sendable (_ slot: Int, _ index: Int) throws -> Void
    ) throws {
        let progress = IndexQueue(count: count)
        queue.run { slot in
            while let index = progress.next() {
                do {
                    try body(slot, index)
                } catch {
                    progress.fail(index, error)
                }
            }
        }
        if let failure = progress.failure {
            throw failure
        }
    }
}

/// Where the threads of a pool wait for their next job.
///
/// `@unchecked Sendable`: all mutable state is behind `condition`.
private final class JobQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private let crew: ProductCrew
    private let slotCount: Int
    private var job: (@Sendable (_ slot: Int) -> Void)?
    private var jobNumber = 0
    private var running = 0
    private var isClosed = false

    init(slotCount: Int) {
        self.slotCount = slotCount
        crew = ProductCrew(memberCount: slotCount)
    }

    /// Runs `job` on every thread and returns when all are done.
    func run(_ job: @escaping @Sendable (_ slot: Int) -> Void) {
        condition.withLock {
            precondition(running == 0, "two jobs at once on one slot pool")
            self.job = job
            running = slotCount
            crew.begin()
            jobNumber += 1
            condition.broadcast()
            while running > 0 {
                condition.wait()
            }
            self.job = nil
        }
    }

    /// Takes part in every job until the queue is closed.
    func serve(slot: Int) {
        crew.join()
        var seen = 0
        while let job = nextJob(after: &seen) {
            job(slot)
            crew.help()
            condition.withLock {
                running -= 1
                if running == 0 {
                    condition.broadcast()
                }
            }
        }
    }

    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    private func nextJob(after seen: inout Int) -> (@Sendable (Int) -> Void)? {
        condition.withLock {
            while !isClosed {
                if jobNumber > seen, let job {
                    seen = jobNumber
                    return job
                }
                condition.wait()
            }
            return nil
        }
    }
}

/// Which indexes were handed out, and the first failure.
///
/// `@unchecked Sendable`: all mutable state is behind `lock`.
private final class IndexQueue: @unchecked Sendable {
    private let lock = NSLock()
    private let count: Int
    private var upcoming = 0
    private var first: (index: Int, error: any Error)?

    init(count: Int) {
        self.count = count
    }

    func next() -> Int? {
        lock.withLock {
            guard upcoming < count, first == nil else { return nil }
            defer { upcoming += 1 }
            return upcoming
        }
    }

    func fail(_ index: Int, _ error: any Error) {
        lock.withLock {
            if first.map({ index < $0.index }) ?? true {
                first = (index, error)
            }
        }
    }

    var failure: (any Error)? { lock.withLock { first?.error } }
}
