//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Synchronization

/// The same for many hosts at once, a thread each.
enum HostThreads {
    /// So many at a time: each is an ssh process.
    private static let atATime = 32

    /// Calls `body` for each place and waits for all.
    /// - Throws: The error of the first place that failed, once all are done.
    static func forEach(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let threads = min(count, atATime)
        let shared = Shared()
        for _ in 0..<threads {
            let thread = Thread {
                while true {
                    let place = shared.next.add(1, ordering: .relaxed).oldValue
                    guard place < count else { break }
                    do {
                        try body(place)
                    } catch {
                        shared.failures.withLock { $0[place] = error }
                    }
                }
                done.signal()
            }
            thread.start()
        }
        for _ in 0..<threads { done.wait() }
        let failed = shared.failures.withLock { $0.min { $0.key < $1.key }?.value }
        if let failed { throw failed }
    }

    private final class Shared: Sendable {
        let failures = Mutex<[Int: any Error]>([:])
        let next = Atomic(0)
    }
}
