//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import SecureTransport

/// Commands on other machines, over the ssh that the user has: their configuration, keys, agents and known hosts.
///
/// Nothing is asked at the terminal (BatchMode): whatever needs a person is an error. Any thread may use it.
package struct RemoteShell: Sendable {
    /// How hosts are reached.
    package struct Options: Sendable, Hashable, Codable {
        /// The port of sshd; nil: what the user's ssh configuration says.
        package var port: UInt16?
        /// A file with a private key; nil: what the user's ssh configuration says.
        package var identity: String?
        /// The user there; nil: what the user's ssh configuration says.
        package var user: String?
        /// An ssh configuration in place of the user's.
        package var configurationFile: String?
        /// Added to the environment that the host gives its user; nothing of that is replaced but these names.
        package var environment: [EnvironmentEntry] = []
        /// The folder on the hosts in which releases and runs live; `~/` is the home folder there.
        package var workdir = "~/.loradrop"
        /// Seconds within which a host has to answer.
        package var connectTimeout = 10
        /// The program itself.
        package var program = "ssh"

        package init() {}
    }

    /// `KEY=VALUE` for a process on a host.
    package struct EnvironmentEntry: Sendable, Hashable, Codable {
        package let key: String
        package let value: String

        /// - Throws: `.badSetup` where the text is not `KEY=VALUE` with a name that a shell takes.
        package init(parsing text: String) throws(SupervisionError) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let isName =
                parts[0].first?.isNumber == false
                && parts[0].utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
                }
            guard parts.count == 2, isName, !text.utf8.contains(0), !text.contains(where: \.isNewline) else {
                throw SupervisionError(.badSetup, "--env \(text.prefix(80)): expected NAME=VALUE on one line")
            }
            key = String(parts[0])
            value = String(parts[1])
        }

        package var text: String { "\(key)=\(value)" }
    }

    package let options: Options

    package init(_ options: Options) {
        self.options = options
    }

    /// What ssh is started with to run a script on a host: for `--dry-run`, and for `run`.
    package func arguments(_ script: String, on host: String) -> [String] {
        var arguments = ["-T", "-x", "-a"]
        if let file = options.configurationFile { arguments += ["-F", file] }
        // Keep-alives: a host that vanished is noticed within 15 seconds, not when TCP gives up.
        for option in [
            "BatchMode=yes", "ConnectTimeout=\(options.connectTimeout)", "ServerAliveInterval=5",
            "ServerAliveCountMax=3", "ForwardX11=no", "ClearAllForwardings=yes", "ControlMaster=no",
        ] {
            arguments += ["-o", option]
        }
        if let port = options.port { arguments += ["-p", String(port)] }
        if let identity = options.identity { arguments += ["-i", identity, "-o", "IdentitiesOnly=yes"] }
        if let user = options.user { arguments += ["-l", user] }
        // The user's shell there may be any; each of them understands this line.
        return arguments + ["--", host, "exec sh -c \(ShellText.quoted(script))"]
    }

    /// The command line that `run` would start, for people.
    package func commandLine(_ script: String, on host: String) -> String {
        ShellText.line([options.program] + arguments(script, on: host))
    }

    /// Runs a script for `sh` on a host, whatever its exit code.
    /// - Parameters:
    ///   - script: On one line.
    ///   - input: What it reads from standard input.
    /// - Throws: `.unreachable` where ssh itself failed (its exit code 255), with what it said; `.timedOut`,
    ///   `.interrupted`, `.cannotStart`, `.remoteFailure`. The command on the host sees its input end then, and the
    ///   loss of its output.
    package func run(
        _ script: String, on host: String, input: [UInt8] = [], until deadline: Deadline,
        interruption: Interruption? = nil
    ) throws -> CommandRun.Output {
        var rest: [UInt8]? = input
        return try run(
            script, on: host,
            input: {
                defer { rest = nil }
                return rest
            }, until: deadline, interruption: interruption)
    }

    /// The same with its output by the line, as it comes.
    ///
    /// The command's input stays open until this ends: a command that reads it is told of our end by its end.
    package func follow(
        _ script: String, on host: String, until deadline: Deadline, interruption: Interruption? = nil,
        lines: @escaping (String) -> Void
    ) throws -> CommandRun.Output {
        try run(script, on: host, input: { nil }, until: deadline, interruption: interruption, lines: lines)
    }

    /// Runs a script that has to succeed.
    /// - Returns: Its standard output, without white space at the ends.
    /// - Throws: As `run`; `.remoteFailure` for an exit code other than 0, with what it said.
    package func check(
        _ script: String, on host: String, input: [UInt8] = [], until deadline: Deadline,
        interruption: Interruption? = nil
    ) throws -> String {
        let output = try run(script, on: host, input: input, until: deadline, interruption: interruption)
        try Self.requireSuccess(output, script, on: host)
        return output.outputText
    }

    /// Copies a file of this machine to a host: to a temporary name beside `path`, flushed, then renamed.
    /// - Parameters:
    ///   - path: On the host; `~/` at its start is the home folder there. Its folder is made where it is missing.
    ///   - mode: Its permissions there.
    /// - Throws: As `check`; `.file` where the file cannot be read, `.remoteFailure` where fewer bytes arrived.
    package func copy(
        _ file: String, to path: String, on host: String, mode: String = "600", until deadline: Deadline,
        interruption: Interruption? = nil
    ) throws {
        guard let handle = FileHandle(forReadingAtPath: file), let size = try? handle.seekToEnd(),
            (try? handle.seek(toOffset: 0)) != nil
        else { throw SupervisionError(.file, "cannot read \(file)") }
        let script = Self.copyScript(to: path, byteCount: size, mode: mode)
        let output = try run(
            script, on: host,
            input: {
                guard let piece = try handle.read(upToCount: 1 << 18), !piece.isEmpty else { return nil }
                return [UInt8](piece)
            }, until: deadline, interruption: interruption)
        try Self.requireSuccess(output, script, on: host)
    }

    /// The size is looked at before the name is given: an input that was cut off ends like a whole one.
    package static func copyScript(to path: String, byteCount: UInt64, mode: String) -> String {
        let place = ShellText.path(path)
        return "p=\(place); d=$(dirname -- \"$p\") && mkdir -p -- \"$d\" && t=\"$p.partial.$$\" && umask 077 && "
            + "cat > \"$t\" && n=$(wc -c < \"$t\") && if [ \"$n\" -eq \(byteCount) ]; then "
            + "chmod \(mode) -- \"$t\" && sync -- \"$t\" && mv -f -- \"$t\" \"$p\"; else "
            + "rm -f -- \"$t\"; echo \"only $n of \(byteCount) bytes of $p arrived\" >&2; exit 1; fi"
    }

    private func run(
        _ script: String, on host: String, input: @escaping () throws -> [UInt8]?, until deadline: Deadline,
        interruption: Interruption?, lines: ((String) -> Void)? = nil
    ) throws -> CommandRun.Output {
        let output: CommandRun.Output
        do {
            output = try CommandRun(options.program, arguments(script, on: host)).run(
                input: input, until: deadline, interruption: interruption, lines: lines)
        } catch let error as SupervisionError where error.code == .timedOut {
            throw SupervisionError(.timedOut, "\(host): a command over ssh: \(error.message): \(script.prefix(200))")
        }
        // ssh(1): 255 if an error occurred, else the remote command's exit status.
        if output.end == .exit(255) {
            throw SupervisionError(
                .unreachable,
                "\(host): ssh failed: \(output.errorText.suffix(2000)). Does `ssh "
                    + "\(options.user.map { "\($0)@" } ?? "")\(host) true` work, without a question?")
        }
        return output
    }

    private static func requireSuccess(
        _ output: CommandRun.Output, _ script: String, on host: String
    ) throws(SupervisionError) {
        guard output.end == .exit(0) else {
            let words = output.errorText.isEmpty ? output.outputText : output.errorText
            throw SupervisionError(
                .remoteFailure, "\(host): \(output.end): \(words.suffix(2000)) (of: \(script.prefix(300)))")
        }
    }
}
