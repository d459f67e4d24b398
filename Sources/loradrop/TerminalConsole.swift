//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import Synchronization

/// Standard output as a run's console: on a terminal the progress is one line that is replaced, elsewhere plain lines.
final class TerminalConsole: Console {
    let isTerminal: Bool
    /// The width of the progress line that stands on the terminal now.
    private let shown = Mutex(0)

    init() {
        isTerminal = isatty(STDOUT_FILENO) == 1
    }

    func line(_ text: String) {
        shown.withLock { shown in
            write(erase(shown) + text + "\n")
            shown = 0
        }
    }

    func progress(_ text: String) {
        guard isTerminal else { return }
        shown.withLock { shown in
            write(erase(shown) + text)
            shown = text.count
        }
    }

    private func erase(_ width: Int) -> String {
        width == 0 ? "" : "\r" + String(repeating: " ", count: width) + "\r"
    }

    private func write(_ text: String) {
        // Standard output may be a full disk or a closed pipe: a run does not end for want of someone who reads.
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }
}
