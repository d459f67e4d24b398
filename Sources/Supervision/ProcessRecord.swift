//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// One process, so named that no later one is taken for it: ids are used again, but not with the same start.
package struct ProcessRecord: Sendable, Hashable, Codable {
    package let processID: Int32
    /// The process's start, in clock ticks after the machine's (proc(5), field 22 of `stat`).
    package let startTime: UInt64
    /// Which start of the machine, as `/proc/sys/kernel/random/boot_id` has it.
    package let bootID: String

    /// The process that has the id now; nil where there is none, or only what is left of one that ended.
    package init?(processID: Int32) {
        guard let status = ProcessTable.status(of: processID), !status.hasEnded else { return nil }
        self.processID = processID
        startTime = status.startTime
        bootID = ProcessTable.bootID
    }

    /// Whether this very process still runs.
    package var isAlive: Bool {
        guard bootID == ProcessTable.bootID, let status = ProcessTable.status(of: processID) else { return false }
        return status.startTime == startTime && !status.hasEnded
    }

    /// Sends a signal to this very process, and to none if it has ended.
    /// - Returns: Whether it was there.
    @discardableResult
    package func send(_ signal: Int32) -> Bool {
        guard isAlive else { return false }
        return kill(processID, signal) == 0
    }
}

/// What the kernel says of processes.
enum ProcessTable {
    /// Read once: it does not change while this process lives.
    static let bootID: String = {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        return (text ?? "unknown").trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    /// A process's start, and whether it is a zombie; nil where nothing has the id.
    static func status(of processID: Int32) -> (startTime: UInt64, hasEnded: Bool)? {
        // The command's name is in brackets and may contain anything, brackets included.
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/\(processID)/stat")),
            let end = data.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = String(decoding: data[data.index(after: end)...], as: UTF8.self).split(separator: " ")
        // The first of these is field 3, the state.
        guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
        return (start, fields[0] == "Z" || fields[0] == "X")
    }

    static func pause(milliseconds: UInt32) {
        usleep(milliseconds * 1000)
    }
}
