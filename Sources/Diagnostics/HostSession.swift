//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Glibc
import SecureTransport

/// Somebody who answers requests about a host.
package protocol FactsSource: AnyObject, Sendable {
    /// - Throws: `DiagnosticsError` where no answer comes.
    func ask(_ request: FactsRequest, within limit: Duration) throws -> FactsAnswer
    /// Ends the session.
    func close()
}

/// This process as a source.
final class LocalSource: FactsSource {
    private let server = FactsServer()

    func ask(_ request: FactsRequest, within limit: Duration) throws -> FactsAnswer { server.answer(request) }
    func close() { server.close() }
}

/// A command whose standard input takes requests and whose standard output gives answers, line by line: `ssh` with
/// `loradrop doctor --facts` at its other end.
///
/// `@unchecked Sendable`: one thread at a time asks; `Examination` gives each host to one.
final class HostSession: FactsSource, @unchecked Sendable {
    private static let largestAnswer = 4 << 20
    private static let largestComplaint = 4 << 10

    private let process = Process()
    /// Our end of the command's standard input: a socket, so that writing to a command that has ended is an error and
    /// no signal.
    private let input: FileHandle
    private let output = Pipe()
    private let complaints = Pipe()
    private var received: [UInt8] = []
    private var complaint: [UInt8] = []
    private var poller = Poller()
    private let command: String

    /// - Parameter command: the program, looked up in PATH, and its arguments.
    init(_ command: [String]) throws {
        self.command = command.joined(separator: " ")
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw DiagnosticsError(
                .sessionEnded, "no descriptors for another process: \(String(cString: strerror(errno)))")
        }
        input = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        let theirs = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = theirs
        process.standardOutput = output
        process.standardError = complaints
        do {
            try process.run()
            // Else the command would never see the end of its input.
            try theirs.close()
        } catch {
            throw DiagnosticsError(.sessionEnded, "cannot start \(self.command): \(error.localizedDescription)")
        }
    }

    func ask(_ request: FactsRequest, within limit: Duration) throws -> FactsAnswer {
        let deadline = Deadline.after(limit)
        var line = try JSONEncoder().encode(request)
        line.append(UInt8(ascii: "\n"))
        try send(line)
        let answer = try nextLine(until: deadline, limit)
        do {
            return try JSONDecoder().decode(FactsAnswer.self, from: Data(answer))
        } catch {
            let shown = String(decoding: answer.prefix(200), as: UTF8.self)
            throw DiagnosticsError(.badAnswer, "\(command) answered what this build does not understand: \(shown)")
        }
    }

    func close() {
        // The program at the far end leaves when its input ends.
        try? input.close()
        let deadline = Deadline.after(.seconds(3))
        while process.isRunning, !deadline.hasPassed { usleep(5_000) }
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// Sends a request; a few kilobytes, which the socket takes at once unless nobody reads them.
    private func send(_ line: Data) throws {
        guard process.isRunning else { throw ended() }
        var rest = [UInt8](line)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(input.fileDescriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw ended()
            }
        }
    }

    private func nextLine(until deadline: Deadline, _ limit: Duration) throws -> [UInt8] {
        let answers = output.fileHandleForReading.fileDescriptor
        let words = complaints.fileHandleForReading.fileDescriptor
        var wordsAreOver = false
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeFirst(end + 1)
                return line
            }
            guard received.count <= Self.largestAnswer else {
                throw DiagnosticsError(.badAnswer, "\(command) answered more than \(Self.largestAnswer) bytes")
            }
            let ready = try poller.wait(
                for: [answers: .readable, words: wordsAreOver ? [] : .readable], until: deadline)
            if ready.isEmpty {
                throw DiagnosticsError(
                    .noAnswer, "\(command) did not answer within \(limit)" + said)
            }
            if ready[words] != nil {
                let bytes = Self.read(words)
                wordsAreOver = bytes.isEmpty
                complaint = (complaint + bytes).suffix(Self.largestComplaint)
            }
            if ready[answers] != nil {
                let bytes = Self.read(answers)
                if bytes.isEmpty { throw ended() }
                received += bytes
            }
        }
    }

    /// The error of a command that has ended, with its status and its last words.
    private func ended() -> DiagnosticsError {
        close()
        let words = complaints.fileHandleForReading.fileDescriptor
        // A child of the command may hold the other end open: what is there is there.
        let deadline = Deadline.after(.milliseconds(300))
        while let ready = try? poller.wait(for: .readable, of: words, until: deadline), !ready.isEmpty {
            let bytes = Self.read(words)
            if bytes.isEmpty { break }
            complaint = (complaint + bytes).suffix(Self.largestComplaint)
        }
        let bySignal = process.terminationReason == .uncaughtSignal
        let status = process.terminationStatus + (bySignal ? 128 : 0)
        let how = bySignal ? "was killed by signal \(process.terminationStatus)" : "ended with status \(status)"
        return DiagnosticsError(.sessionEnded, "\(command) \(how)\(said)", status: status)
    }

    private var said: String {
        let text = String(decoding: complaint, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "" : ": \(text)"
    }

    private static func read(_ descriptor: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count >= 0 { return Array(buffer.prefix(count)) }
            if errno != EINTR { return [] }
        }
    }
}
