//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Dispatch
import Foundation
import Synchronization
import Training

/// Ctrl-C and TERM ask a run to stop at the next step with its state saved; a second one ends it at once.
///
/// One that follows within a second is the same request: a batch system signals a job's script, which passes it on, and
/// the job's processes.
final class StopSignals {
    private var sources: [any DispatchSourceSignal] = []
    private let requestedAt = RequestTime()

    init(_ stop: StopRequest) {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [requestedAt] in
                let now = DispatchTime.now().uptimeNanoseconds
                if stop.isRequested {
                    guard now > requestedAt.value.load(ordering: .relaxed) + 1_000_000_000 else { return }
                    _exit(128 + number)
                }
                requestedAt.value.store(now, ordering: .relaxed)
                FileHandle.standardError.write(Data("stopping at the next step; once more ends at once\n".utf8))
                stop.request()
            }
            source.resume()
            sources.append(source)
        }
    }

    private final class RequestTime: Sendable {
        let value = Atomic<UInt64>(0)
    }
}
