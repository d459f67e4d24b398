//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Supervision
import Testing

/// Supervisors that run in a thread of the test, over shells as their programs.
@Suite("Supervisors")
struct SupervisorTests {
    private func withFolder(_ body: (StateFolder) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/supervisor-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(StateFolder(path))
    }

    private func shell(_ name: String, _ script: String, restarts: Int = 0) -> Specification.Program {
        Specification.Program(name: name, executable: "sh", arguments: ["-c", script], maxRestarts: restarts)
    }

    private func begin(_ folder: StateFolder, _ programs: [Specification.Program]) throws {
        _ = try HostCommands.prepare(folder, names: [])
        try folder.write(Specification(programs: programs))
    }

    private func events(_ folder: StateFolder) throws -> [SupervisionEvent] {
        try folder.events(from: 0).map { try JSONDecoder().decode(SupervisionEvent.self, from: Data($0.utf8)) }
    }

    @Test("A failing program is started again, and what it said is kept")
    func restarts() throws {
        try withFolder { folder in
            let count = folder.path + "/count"
            try begin(
                folder,
                [
                    shell(
                        "w", "echo x >> \(count); [ $(wc -l < \(count)) = 2 ] && exit 0; echo why >&2; kill -9 $$",
                        restarts: 3)
                ])
            #expect(try Supervisor(folder, interruption: Interruption()).run())
            let found = try events(folder)
            #expect(found.map(\.kind) == [.started, .restarting, .started, .ended, .finished])
            #expect(found[1].message == "killed by signal 9; it said: why; restart 1 of 3 in 1 s")
            #expect(found[2].start == 1)
        }
    }

    @Test("A program that fails for good is told of, and the others go on")
    func fails() throws {
        try withFolder { folder in
            try begin(folder, [shell("a", "echo broken >&2; exit 4"), shell("b", "sleep 0.2")])
            #expect(try !Supervisor(folder, interruption: Interruption()).run())
            let found = try events(folder)
            #expect(found.contains { $0.kind == .failed && $0.name == "a" && $0.exitCode == 4 })
            #expect(found.contains { $0.kind == .ended && $0.name == "b" })
            #expect(found.first { $0.kind == .failed }?.message == "exit code 4; it said: broken")
        }
    }

    @Test("The end reaches exactly the recorded processes, the stubborn too, and nothing starts after it")
    func ends() throws {
        try withFolder { folder in
            try begin(
                folder,
                [shell("calm", "exec sleep 1000"), shell("stubborn", "trap '' TERM; while :; do sleep 0.05; done")])
            let bystander = try ChildProcess("sleep", ["1000"], descriptors: (0, 1, 2))
            defer {
                bystander.send(SIGKILL)
                _ = bystander.wait(until: .after(.seconds(10)))
            }
            let done = DispatchSemaphore(value: 0)
            let thread = Thread {
                _ = try? Supervisor(folder, interruption: Interruption()).run()
                done.signal()
            }
            thread.start()
            let deadline = Deadline.after(.seconds(60))
            while folder.processes().count < 2, !deadline.hasPassed { Thread.sleep(forTimeInterval: 0.01) }
            let records = folder.processes().map(\.record)
            #expect(records.count == 2)
            #expect(try HostCommands.end(folder, grace: 0.3) >= 2)
            #expect(records.allSatisfy { !$0.isAlive })
            #expect(bystander.poll() == nil)
            #expect(done.wait(timeout: .now() + 60) == .success)
            #expect(try HostCommands.end(folder, grace: 0) == 0)
            let late = #expect(throws: SupervisionError.self) {
                try HostCommands.start(folder, specification: Specification(programs: []), executable: "sleep")
            }
            #expect(late?.code == .interrupted)
        }
    }

    @Test("An end that comes before the start keeps the start from happening")
    func endsFirst() throws {
        try withFolder { folder in
            let preparation = try HostCommands.prepare(folder, names: ["worker-0"])
            #expect(preparation.requests.keys.sorted() == ["worker-0"])
            #expect(try HostCommands.end(folder, grace: 0) == 0)
            #expect(throws: SupervisionError.self) {
                try HostCommands.start(folder, specification: Specification(programs: []), executable: "sleep")
            }
            #expect(!FileManager.default.fileExists(atPath: folder.certificates))
        }
    }
}
