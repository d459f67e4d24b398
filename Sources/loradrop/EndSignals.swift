//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Dispatch
import Foundation
import Synchronization

/// INT, TERM and, unless it was ignored when we were started (nohup), HUP: whoever sends one wants an end.
final class EndSignals {
    private var sources: [any DispatchSourceSignal] = []
    private let count = Counter()

    /// - Parameter received: Called on a thread of its own; tells whether it is the first.
    init(_ received: @escaping @Sendable (_ isFirst: Bool) -> Void) {
        var numbers = [SIGINT, SIGTERM]
        var hangUp = sigaction()
        if unsafe sigaction(SIGHUP, nil, &hangUp) != 0 || !Self.isIgnored(hangUp) { numbers.append(SIGHUP) }
        for number in numbers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [count] in
                received(count.value.add(1, ordering: .relaxed).oldValue == 0)
            }
            source.resume()
            sources.append(source)
        }
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        // SIG_IGN is the address 1.
        unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    private final class Counter: Sendable {
        let value = Atomic(0)
    }
}
