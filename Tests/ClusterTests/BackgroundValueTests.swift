//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import Synchronization
import Testing

@Suite("Values worked out on threads of their own")
struct BackgroundValueTests {
    private struct Refused: Error {}

    @Test("the value is worked out elsewhere, once, and given as often as it is asked for")
    func value() throws {
        let asker = pthread_self()
        let runs = Atomic(0)
        let value = BackgroundValue(name: "sum") {
            runs.add(1, ordering: .relaxed)
            return pthread_equal(pthread_self(), asker) != 0 ? -1 : (1...100).reduce(0, +)
        }
        #expect(try value.get() == 5050)
        #expect(try value.get() == 5050)
        #expect(runs.load(ordering: .relaxed) == 1)
    }

    @Test("who asks is told what went wrong")
    func failure() {
        let value = BackgroundValue<Int>(name: "refuses") { throw Refused() }
        #expect(throws: Refused.self) { try value.get() }
    }

    @Test("who asks waits")
    func waiting() throws {
        let gate = DispatchSemaphore(value: 0)
        let value = BackgroundValue(name: "waits") {
            gate.wait()
            return "done"
        }
        // Mostly later than the value is asked for; sooner, this shows less.
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.02) { gate.signal() }
        #expect(try value.get() == "done")
    }
}
