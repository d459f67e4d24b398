//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the supervisor of a host is to run.
package struct Specification: Sendable, Hashable, Codable {
    /// One process.
    package struct Program: Sendable, Hashable, Codable {
        /// When a process that ended is started again.
        package enum Restart: String, Sendable, Hashable, Codable {
            /// After any failure but wrong usage: a worker, whose state is everybody's.
            case onFailure
            /// After a signal only: a coordinator that ends by itself had a reason that a restart does not mend.
            case onSignal
        }

        package var name: String
        package var executable: String
        package var arguments: [String]
        /// Added to the supervisor's own environment, `KEY=VALUE` each.
        package var environment: [String]
        package var restart: Restart
        /// Restarts without a stretch of `ProgramState.soundSeconds` between them.
        package var maxRestarts: Int
        /// A file that the process leaves when it ended as it should, whatever its exit code.
        package var farewellFile: String?
        /// A file with the `host:port` that the process listens on: started again, it takes the same port.
        package var endpointFile: String?
        /// Where standard output goes; nil: nowhere.
        package var outputFile: String?

        package init(
            name: String, executable: String, arguments: [String], environment: [String] = [],
            restart: Restart = .onFailure, maxRestarts: Int = 0, farewellFile: String? = nil,
            endpointFile: String? = nil, outputFile: String? = nil
        ) {
            self.name = name
            self.executable = executable
            self.arguments = arguments
            self.environment = environment
            self.restart = restart
            self.maxRestarts = maxRestarts
            self.farewellFile = farewellFile
            self.endpointFile = endpointFile
            self.outputFile = outputFile
        }
    }

    /// A certificate for a key that the host made.
    package struct Credential: Sendable, Hashable, Codable {
        package var name: String
        package var certificate: String
        package var authority: String

        package init(name: String, certificate: String, authority: String) {
            self.name = name
            self.certificate = certificate
            self.authority = authority
        }
    }

    package var programs: [Program]
    package var credentials: [Credential]

    package init(programs: [Program], credentials: [Credential] = []) {
        self.programs = programs
        self.credentials = credentials
    }
}

/// What a supervisor reports, in the order in which it happened.
package struct SupervisionEvent: Sendable, Hashable, Codable {
    /// What happened.
    package enum Kind: String, Sendable, Hashable, Codable {
        /// The process runs.
        case started
        /// It ended and is started again.
        case restarting
        /// It ended as it should.
        case ended
        /// It ended and is not started again.
        case failed
        /// The launcher's own remark on the host.
        case notice
        /// The supervisor's last word.
        case finished
    }

    package var kind: Kind
    /// Empty of the supervisor itself.
    package var name = ""
    package var processID: Int32?
    /// Which start of the process, from 0.
    package var start = 0
    /// Its exit code, where it had one.
    package var exitCode: Int32?
    /// What happened, in words, with the end of what the process wrote to standard error.
    package var message = ""
    /// When, in nanoseconds since 1970.
    package var time: Int64 = 0

    package init(_ kind: Kind) {
        self.kind = kind
    }
}
