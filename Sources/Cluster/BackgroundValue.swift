//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Synchronization

/// A value that a thread of its own works out while its user does something else.
package final class BackgroundValue<Value: Sendable>: Sendable {
    private let result: Shared
    private let thread: JoinableThread

    /// Starts to work it out.
    package init(name: String, _ compute: @escaping @Sendable () throws -> Value) {
        let result = Shared()
        self.result = result
        thread = JoinableThread(name: name) {
            let outcome = Result { try compute() }
            result.value.withLock { $0 = outcome }
        }
    }

    /// Waits for the value.
    /// - Throws: What working it out threw.
    package func get() throws -> Value {
        thread.join()
        guard let outcome = result.value.withLock({ $0 }) else {
            preconditionFailure("a thread that has ended left no value")
        }
        return try outcome.get()
    }

    private final class Shared: Sendable {
        let value = Mutex<Result<Value, any Error>?>(nil)
    }
}
