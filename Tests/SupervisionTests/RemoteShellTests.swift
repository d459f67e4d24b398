//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Supervision
import Testing

/// A stand-in for ssh that runs the remote command line on this machine, whatever the host.
private func makeShell(_ folder: String, _ change: (inout RemoteShell.Options) -> Void = { _ in }) throws -> RemoteShell
{
    let program = folder + "/ssh"
    let text = "#!/bin/sh\nfor word in \"$@\"; do last=$word; done\nexec sh -c \"$last\"\n"
    // Written by another process: a descriptor of ours, open for writing in a child that another test starts meanwhile,
    // would keep the file from being executed.
    let place = ShellText.quoted(program)
    let written = try CommandRun("sh", ["-c", "printf %s \(ShellText.quoted(text)) > \(place) && chmod 700 \(place)"])
        .run(until: .after(.seconds(60)))
    #expect(written.end == .exit(0))
    var options = RemoteShell.Options()
    options.program = program
    change(&options)
    return RemoteShell(options)
}

private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/supervision-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
}

@Suite("Commands on other machines")
struct RemoteShellTests {
    private let soon = Deadline.after(.seconds(60))

    @Test("Options become ssh's, and the script is one word for any shell")
    func arguments() {
        var options = RemoteShell.Options()
        options.port = 2222
        options.identity = "key"
        options.user = "me"
        let line = RemoteShell(options).commandLine("echo 'a b'", on: "node1")
        for part in ["BatchMode=yes", " -p 2222 ", " -i key ", " -l me ", " -- node1 "] {
            #expect(line.contains(part), "\(line) lacks \(part)")
        }
        #expect(RemoteShell(options).arguments("echo 'a b'", on: "n").last == #"exec sh -c 'echo '\''a b'\'''"#)
    }

    @Test("Output comes back, a failure with its words")
    func checks() throws {
        try withFolder { folder in
            let shell = try makeShell(folder)
            #expect(try shell.check("printf %s \"a'b\"; cat", on: "n", input: Array("c".utf8), until: soon) == "a'bc")
            let failed = #expect(throws: SupervisionError.self) {
                try shell.check("echo broken >&2; exit 4", on: "node7", until: soon)
            }
            #expect(failed?.code == .remoteFailure)
            #expect(failed?.message.contains("node7: exit code 4: broken") == true)
            let refused = #expect(throws: SupervisionError.self) {
                try shell.run("echo 'Permission denied' >&2; exit 255", on: "node7", until: soon)
            }
            #expect(refused?.code == .unreachable)
        }
    }

    @Test("A copied file is whole or not there, and is replaced as a whole")
    func copies() throws {
        try withFolder { folder in
            let shell = try makeShell(folder)
            let source = folder + "/source"
            let content = Data((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try content.write(to: URL(filePath: source))
            let target = folder + "/new folder/it's"
            for _ in 0..<2 { try shell.copy(source, to: target, on: "n", mode: "640", until: soon) }
            #expect(try Data(contentsOf: URL(filePath: target)) == content)
            let script = RemoteShell.copyScript(to: target, byteCount: 10, mode: "600")
            let cut = #expect(throws: SupervisionError.self) {
                try shell.check(script, on: "n", input: [1, 2, 3], until: soon)
            }
            #expect(cut?.message.contains("only 3 of 10 bytes") == true)
            #expect(try Data(contentsOf: URL(filePath: target)) == content)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/new folder") == ["it's"])
        }
    }

    @Test(
        "Words for a shell are read back as they were", arguments: ["", "a b", "it's", "$HOME", "\"*\"", "a\nb", "~/x"])
    func quotes(text: String) throws {
        let found = try CommandRun("sh", ["-c", "printf %s \(ShellText.quoted(text))"]).run(until: soon)
        #expect(String(decoding: found.output, as: UTF8.self) == text)
    }

    @Test("The environment is names and values")
    func environment() throws {
        #expect(try RemoteShell.EnvironmentEntry(parsing: "A_1=b=c d").text == "A_1=b=c d")
        for text in ["A", "=b", "1A=b", "A-B=c", "A=b\nc"] {
            #expect(throws: SupervisionError.self) { try RemoteShell.EnvironmentEntry(parsing: text) }
        }
    }
}
