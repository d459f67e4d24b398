//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Supervision
import Testing

@Suite("Programs that are run to their end")
struct CommandRunTests {
    private let soon = Deadline.after(.seconds(60))

    @Test("Input, output and errors pass at once, however large")
    func passes() throws {
        var pieces = Array(repeating: [UInt8](repeating: 7, count: 100_000), count: 20)
        let run = CommandRun("sh", ["-c", "cat; echo done >&2; exit 3"])
        let found = try run.run(input: { pieces.popLast() }, until: soon)
        #expect(found.end == .exit(3))
        #expect(found.output.count == 2_000_000)
        #expect(found.errorText == "done")
    }

    @Test("A program that does not read its input is no error of ours")
    func unread() throws {
        var pieces = Array(repeating: [UInt8](repeating: 7, count: 100_000), count: 20)
        let found = try CommandRun("true", []).run(input: { pieces.popLast() }, until: soon)
        #expect(found.end == .exit(0))
    }

    @Test("A signal is told from an exit code")
    func signal() throws {
        #expect(try CommandRun("sh", ["-c", "kill -TERM $$"]).run(until: soon).end == .signal(15))
    }

    @Test("A deadline and an interruption kill the program")
    func ends() throws {
        var program = CommandRun("sh", ["-c", "echo begun; exec sleep 1000"])
        program.graceWhenInterrupted = 0.05
        let late = #expect(throws: SupervisionError.self) { try program.run(until: .after(.milliseconds(50))) }
        #expect(late?.code == .timedOut)
        let interruption = Interruption()
        let stopped = #expect(throws: SupervisionError.self) {
            try program.run(until: soon, interruption: interruption) { _ in interruption.request() }
        }
        #expect(stopped?.code == .interrupted)
    }

    @Test("Lines come whole and the open input tells the program that somebody is there")
    func lines() throws {
        var lines: [String] = []
        let found = try CommandRun("sh", ["-c", "printf 'a\\nb'; printf 'c\\nrest'"]).run(until: soon) {
            lines.append($0)
        }
        #expect(lines == ["a", "bc"])
        #expect(found.end == .exit(0))
    }

    @Test("Too much output is an error, and so is a program that is not there")
    func refusals() {
        var flood = CommandRun("sh", ["-c", "exec yes"])
        flood.largestOutput = 100_000
        let much = #expect(throws: SupervisionError.self) { try flood.run(until: soon) }
        #expect(much?.code == .remoteFailure)
        let none = #expect(throws: SupervisionError.self) { try CommandRun("/nowhere/program", []).run(until: soon) }
        #expect(none?.code == .cannotStart)
    }

    @Test("A process is known by its start, not by its id alone")
    func records() throws {
        let own = try #require(ProcessRecord(processID: getpid()))
        #expect(own.isAlive)
        var text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
        text = text.replacingOccurrences(of: "\(own.startTime)", with: "\(own.startTime - 1)")
        let other = try JSONDecoder().decode(ProcessRecord.self, from: Data(text.utf8))
        #expect(!other.isAlive)
        #expect(!other.send(SIGKILL))
    }
}
