//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import SecureTransport

/// A program of this machine, run to its end with input, captured output and a deadline.
package struct CommandRun: Sendable {
    /// What a program left behind.
    package struct Output: Sendable {
        package let end: ChildProcess.End
        package let output: [UInt8]
        package let errors: [UInt8]

        /// Both as text, without white space at the ends.
        package var outputText: String { Self.text(output) }
        package var errorText: String { Self.text(errors) }

        private static func text(_ bytes: [UInt8]) -> String {
            String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    package var executable: String
    package var arguments: [String]
    /// Bytes of standard output and standard error, each, beyond which the command counts as broken.
    package var largestOutput = 1 << 22
    /// Seconds that the program has to end by itself once we are interrupted: its input ends, so a command on another
    /// machine is not left half way and alone.
    package var graceWhenInterrupted = 5.0

    package init(_ executable: String, _ arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Runs it.
    /// - Parameters:
    ///   - input: What it reads, in pieces; nil is the end.
    ///   - lines: Given each whole line of standard output as it comes; then `output` stays empty.
    /// - Throws: `.cannotStart`, `.timedOut`, `.interrupted` (the program is then killed), `.remoteFailure` for too
    ///   much output; whatever `input` throws.
    package func run(
        input: @escaping () throws -> [UInt8]? = { nil }, until deadline: Deadline,
        interruption: Interruption? = nil, lines: ((String) -> Void)? = nil
    ) throws -> Output {
        // Socket pairs rather than pipes: writing to a program that has ended must be an error, not a signal, and no
        // program that another thread starts may inherit an end.
        let (ours, theirs) = try Self.socketPair()
        defer { ours.close() }
        let (output, outputEnd) = try Self.socketPair()
        let (errors, errorEnd) = try Self.socketPair()
        defer {
            output.close()
            errors.close()
        }
        let child: ChildProcess
        do {
            defer {
                theirs.close()
                outputEnd.close()
                errorEnd.close()
            }
            child = try ChildProcess(
                executable, arguments, descriptors: (theirs.number, outputEnd.number, errorEnd.number))
        }
        var traffic = Traffic(
            input: ours, output: output, errors: errors, limit: largestOutput, grace: graceWhenInterrupted,
            lines: lines)
        do {
            let end = try traffic.run(child, input: input, until: deadline, interruption: interruption)
            return Output(end: end, output: traffic.outputBytes, errors: traffic.errorBytes)
        } catch {
            child.send(SIGKILL)
            _ = child.wait(until: .after(.seconds(5)))
            if let error = error as? SupervisionError, error.code == .timedOut {
                let words = String(decoding: traffic.errorBytes.suffix(2000), as: UTF8.self)
                throw SupervisionError(.timedOut, words.isEmpty ? error.message : "\(error.message); it said: \(words)")
            }
            throw error
        }
    }

    /// A descriptor that is closed once, at a moment of our choice.
    final class OpenEnd {
        let number: Int32
        private(set) var isOpen = true

        init(_ number: Int32) { self.number = number }

        func close() {
            if isOpen { _ = Glibc.close(number) }
            isOpen = false
        }
    }

    private static func socketPair() throws(SupervisionError) -> (ours: OpenEnd, theirs: OpenEnd) {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0, fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 else {
            throw exhausted()
        }
        return (OpenEnd(ends[0]), OpenEnd(ends[1]))
    }

    private static func exhausted() -> SupervisionError {
        SupervisionError(
            .cannotStart,
            "no descriptors for another process: \(String(cString: strerror(errno))). Raise the limit of "
                + "open files (ulimit -n)")
    }
}

/// The bytes that go to and come from one program.
private struct Traffic {
    let input: CommandRun.OpenEnd
    let output: CommandRun.OpenEnd
    let errors: CommandRun.OpenEnd
    let limit: Int
    let grace: Double
    let lines: ((String) -> Void)?
    var outputBytes: [UInt8] = []
    var errorBytes: [UInt8] = []
    private var pending: ArraySlice<UInt8> = []
    private var hasMore = true
    /// Set once we are interrupted.
    private var killAt: Deadline?

    init(
        input: CommandRun.OpenEnd, output: CommandRun.OpenEnd, errors: CommandRun.OpenEnd, limit: Int,
        grace: Double, lines: ((String) -> Void)?
    ) {
        self.input = input
        self.output = output
        self.errors = errors
        self.limit = limit
        self.grace = grace
        self.lines = lines
    }

    mutating func run(
        _ child: ChildProcess, input next: () throws -> [UInt8]?, until deadline: Deadline,
        interruption: Interruption?
    ) throws -> ChildProcess.End {
        while true {
            // Asked before the last look at the pipes: what it wrote before its end is in them then.
            let end = child.poll()
            try write(next)
            try read()
            if let end {
                guard killAt == nil else { throw SupervisionError(.interrupted, "interrupted") }
                return end
            }
            if interruption?.isRequested == true, killAt == nil {
                hasMore = false
                input.close()
                killAt = .after(.seconds(grace))
            }
            if killAt?.hasPassed == true { throw SupervisionError(.interrupted, "interrupted") }
            if deadline.hasPassed { throw SupervisionError(.timedOut, "no end within its time") }
            wait()
        }
    }

    /// Until there is something to do; the program's end has no descriptor, so never for long.
    private func wait() {
        var entries: [pollfd] = []
        if input.isOpen, hasMore { entries.append(pollfd(fd: input.number, events: Int16(POLLOUT), revents: 0)) }
        for end in [output, errors] where end.isOpen {
            entries.append(pollfd(fd: end.number, events: Int16(POLLIN), revents: 0))
        }
        _ = Glibc.poll(&entries, nfds_t(entries.count), 20)
    }

    private mutating func write(_ next: () throws -> [UInt8]?) throws {
        while input.isOpen, hasMore {
            if pending.isEmpty {
                guard let piece = try next() else {
                    hasMore = false
                    // With a reader of lines the open input says that somebody is still there.
                    if lines == nil { input.close() }
                    return
                }
                pending = piece[...]
                if pending.isEmpty { continue }
            }
            let count = pending.withUnsafeBytes {
                send(input.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                pending = pending.dropFirst(count)
            } else if errno == EAGAIN || errno == EINTR {
                return
            } else {
                // It reads no more; why, it says at its end.
                hasMore = false
                input.close()
            }
        }
    }

    private mutating func read() throws {
        try Self.drain(output, into: &outputBytes, limit: limit)
        try Self.drain(errors, into: &errorBytes, limit: limit)
        guard let lines else { return }
        while let end = outputBytes.firstIndex(of: UInt8(ascii: "\n")) {
            lines(String(decoding: outputBytes[..<end], as: UTF8.self))
            outputBytes.removeSubrange(...end)
        }
    }

    private static func drain(_ end: CommandRun.OpenEnd, into bytes: inout [UInt8], limit: Int) throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while end.isOpen {
            let count = Glibc.read(end.number, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer.prefix(count)
                guard bytes.count <= limit else {
                    throw SupervisionError(.remoteFailure, "a command wrote more than \(limit) bytes")
                }
                if count < buffer.count { return }
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                return
            } else {
                end.close()
            }
        }
    }
}
