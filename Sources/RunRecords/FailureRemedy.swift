//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What to try after a failure: a pure function of what is known.
enum FailureRemedy {
    static func lines(cause: FailureCause?, facts: FailureCard.Facts) -> [String] {
        var lines: [String] = []
        let host = (cause?.worker ?? facts.workers.first).flatMap { facts.hosts[$0] } ?? "its host"
        switch cause?.ending {
        case .signal(9):
            lines.append(
                "nothing but the kernel or a person sends SIGKILL: look for \"Out of memory\" in dmesg on \(host); "
                    + "fewer slots or a shorter training.max_sequence_length take less memory")
        case .signal(15), .signal(2), .signal(1):
            lines.append("somebody on \(host) ended the process: a batch system's limit, a reboot, a logout")
        case .signal(7):
            lines.append(
                "a file that is mapped into memory has become shorter, or its disk fails: check the model folder")
        case .signal(25), .signal(24):
            lines.append("a limit of the user's was reached: see ulimit -a on \(host)")
        case .signal:
            lines.append(
                "the program has crashed: its last lines above and the build (loradrop --version) make a report")
        case .exit, nil:
            lines += remedies(code: cause?.code, facts.failure)
        }
        lines.append("the same command goes on from the last checkpoint, if there is one")
        return lines
    }

    private static func remedies(code: String?, _ failure: String) -> [String] {
        switch code {
        case "notFinite":
            ["a smaller training.learning_rate, or a larger warm-up: numbers have grown beyond what can be computed"]
        case "setup": ["compare model folder and build of that host with those of the others"]
        case "peerLost", "deadline":
            ["check the network between the hosts: the workers' data ports must be open to each other"]
        case "protocol": ["install the same build on every host"]
        default:
            // The coordinator's own words end with what to do.
            failure.contains("No space left") || failure.contains("disk") ? ["make room on the disk"] : []
        }
    }
}
