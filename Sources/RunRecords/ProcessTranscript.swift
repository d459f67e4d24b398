//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How a process ended.
package enum ProcessEnding: Sendable, Hashable, CustomStringConvertible {
    case exit(code: Int)
    case signal(Int)

    /// "exit code 1", "killed by signal 9 (SIGKILL)".
    package var description: String {
        switch self {
        case .exit(let code): "exit code \(code)"
        case .signal(let number):
            "killed by signal \(number)" + (Self.signalNames[number].map { " (\($0))" } ?? "")
        }
    }

    private static let signalNames = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
    ]
}

/// What a supervisor knows of one start of a worker's process, as log records: each line that the process wrote to
/// stderr, and how it ended.
///
/// A value: bytes and times come in, records go out. It is bounded: of a process that writes without end the first
/// lines are recorded as they come and the last ones at its end, and a record says how many are left out between them.
package struct ProcessTranscript: Sendable {
    /// Lines that are recorded as they come.
    package static let firstLineLimit = 1000
    /// Lines that are recorded at the end, where there were more.
    package static let lastLineLimit = 100
    /// The longest line that is kept, in bytes.
    package static let lineByteCount = 4096

    private let worker: String
    private let incarnation: UInt64
    private var sequence: UInt64 = 0
    private var line: [UInt8] = []
    private var lineLength = 0
    private var lineCount = 0
    /// The last lines, oldest first; those from `recordedCount` on are in no record yet.
    private var last: [String] = []

    /// - Parameter incarnation: which start of the process, a number that grows with each.
    package init(worker: String, incarnation: UInt64) {
        self.worker = worker
        self.incarnation = incarnation
    }

    /// The last lines that the process wrote, oldest first.
    package var lastLines: [String] { last }

    /// Takes bytes that the process wrote to stderr.
    package mutating func take(
        _ bytes: some Sequence<UInt8>, wallNanoseconds: Int, monotonicNanoseconds: Int
    ) -> [LogRecord] {
        var records: [LogRecord] = []
        for byte in bytes {
            if byte != 0x0A {
                lineLength += 1
                if line.count < Self.lineByteCount { line.append(byte) }
            } else if let text = endOfLine(), lineCount <= Self.firstLineLimit {
                records.append(
                    record(.warning, LogEvents.stderr, text, [:], wallNanoseconds, monotonicNanoseconds))
            }
        }
        return records
    }

    /// The process has ended, and all that it wrote was taken.
    /// - Parameter wasAsked: whether whoever watches over it wanted it to end.
    package mutating func ended(
        _ ending: ProcessEnding, processID: Int, wasAsked: Bool, wallNanoseconds: Int, monotonicNanoseconds: Int
    ) -> [LogRecord] {
        var records: [LogRecord] = []
        func add(_ level: LogLevel, _ event: String, _ message: String, _ fields: [String: LogValue] = [:]) {
            records.append(record(level, event, message, fields, wallNanoseconds, monotonicNanoseconds))
        }
        let unfinished = endOfLine()
        if lineCount > Self.firstLineLimit {
            let kept = last.suffix(lineCount - Self.firstLineLimit)
            let leftOut = lineCount - Self.firstLineLimit - kept.count
            if leftOut > 0 {
                add(
                    .warning, "stderr-left-out", "\(leftOut) lines are left out here",
                    ["count": .integer(leftOut)])
            }
            for text in kept {
                add(.warning, LogEvents.stderr, text)
            }
        } else if let unfinished {
            add(.warning, LogEvents.stderr, unfinished)
        }
        var fields: [String: LogValue] = ["process_id": .integer(processID), "asked": .boolean(wasAsked)]
        switch ending {
        case .exit(let code): fields["exit_code"] = .integer(code)
        case .signal(let number): fields["signal"] = .integer(number)
        }
        let isFailure = ending != .exit(code: 0) && !wasAsked
        add(isFailure ? .error : .info, LogEvents.processEnded, "the process has ended: \(ending)", fields)
        return records
    }

    /// Ends the line that was being read.
    private mutating func endOfLine() -> String? {
        guard lineLength > 0 else { return nil }
        var text = String(decoding: line, as: UTF8.self)
        if lineLength > line.count {
            text += " … and \(lineLength - line.count) bytes more"
        }
        line.removeAll(keepingCapacity: true)
        lineLength = 0
        lineCount += 1
        last.append(text)
        if last.count > Self.lastLineLimit { last.removeFirst() }
        return text
    }

    private mutating func record(
        _ level: LogLevel, _ event: String, _ message: String, _ fields: [String: LogValue], _ wall: Int,
        _ monotonic: Int
    ) -> LogRecord {
        sequence += 1
        return LogRecord(
            worker: worker, origin: .supervisor, incarnation: incarnation, sequence: sequence, level: level,
            wallNanoseconds: wall, monotonicNanoseconds: monotonic, event: event, message: message, fields: fields
        ).clipped()
    }
}
