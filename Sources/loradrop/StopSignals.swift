//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Dispatch
import Foundation
import Training

/// Ctrl-C and TERM ask a run to stop at the next step with its state saved; a second one ends it at once.
final class StopSignals {
    private var sources: [any DispatchSourceSignal] = []

    init(_ stop: StopRequest) {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if stop.isRequested {
                    _exit(128 + number)
                }
                FileHandle.standardError.write(Data("stopping at the next step; once more ends at once\n".utf8))
                stop.request()
            }
            source.resume()
            sources.append(source)
        }
    }
}
