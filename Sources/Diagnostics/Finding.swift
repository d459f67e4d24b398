//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the doctor looks at.
package enum Check: String, Sendable, Hashable, CaseIterable, Codable {
    /// A host can be reached and answers.
    case ssh
    /// Every host has the same build of the program.
    case build
    /// Clocks agree.
    case clock
    /// Every host finds every other one under its name, and not itself.
    case names
    /// Packets to every other host leave by an address that others can answer.
    case routes
    /// The ports that the run listens on are free.
    case ports
    /// Latency and bandwidth of every pair of hosts, over TLS.
    case links
    /// Certificates are sound, of one authority, of this run, and last.
    case certificates
    /// All processors compute the same bits.
    case kernels
    /// What the run needs fits the memory.
    case memory
    /// There is room to write what the run writes.
    case disk
    /// Limits of open files, processes and memory.
    case limits
    /// The base model is the same everywhere.
    case model
    /// The data can be read, and is that of the run in the folder.
    case data
}

/// The outcome of one check on one host, or between two.
package struct Finding: Sendable, Hashable, Codable {
    package let check: Check
    /// The host, or two with an arrow between them.
    package let host: String
    package let isProblem: Bool
    /// What was found, and for a problem what was expected.
    package let detail: String
    /// How to mend it; nil where it passed.
    package let mend: String?

    /// A check that passed.
    package static func passed(_ check: Check, _ host: String, _ detail: String) -> Finding {
        Finding(check: check, host: host, isProblem: false, detail: detail, mend: nil)
    }

    /// A check that failed, and how to mend it.
    package static func problem(_ check: Check, _ host: String, _ detail: String, mend: String) -> Finding {
        Finding(check: check, host: host, isProblem: true, detail: detail, mend: mend)
    }
}
