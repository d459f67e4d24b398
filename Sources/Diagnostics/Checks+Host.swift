//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Checks of one host at a time: facts in, findings out.
extension Checks {
    /// Whether a host's clock agrees with the doctor's.
    /// - Parameter offset: Seconds that the host is ahead, known to lie within this range.
    package static func clock(host: String, offset: ClosedRange<Double>, limit: Double) -> Finding {
        let middle = (offset.lowerBound + offset.upperBound) / 2
        let uncertainty = (offset.upperBound - offset.lowerBound) / 2
        let found =
            "\(UnitText.seconds(abs(middle))) \(middle < 0 ? "behind" : "ahead of") the doctor's clock, known to "
            + "±\(UnitText.seconds(uncertainty))"
        // What is within the limit for all we know is not held against the host.
        guard offset.lowerBound > limit || offset.upperBound < -limit else { return .passed(.clock, host, found) }
        return .problem(
            .clock, host, "\(found); expected within \(UnitText.seconds(limit))",
            mend: "set the clock of \(host) by NTP (timedatectl set-ntp true, or chronyc makestep)")
    }

    /// Whether memory holds the model and the worker.
    package static func memory(host: String, _ facts: MemoryFacts, needed: Int) -> Finding {
        let found =
            "\(UnitText.bytes(facts.usable)) free of \(UnitText.bytes(facts.total))"
            + (facts.groupAvailable.map { ", \(UnitText.bytes($0)) within the control group" } ?? "")
        if facts.usable >= needed {
            return .passed(.memory, host, "\(found); about \(UnitText.bytes(needed)) are needed")
        }
        return .problem(
            .memory, host, "\(found); expected about \(UnitText.bytes(needed)) for the model and its slots",
            mend: "give \(host) fewer slots, end other programs there, lower training.max_sequence_length, or raise "
                + "the limit of its control group")
    }

    /// Whether folders can be written to and have room.
    package static func disk(host: String, _ facts: DiskFacts, needed: Int) -> Finding {
        let what = facts.purpose == .run ? "run folder" : "work folder"
        if let problem = facts.problem {
            return .problem(
                .disk, host, "\(what) \(facts.path): \(problem)",
                mend: "make room or give another folder that this user may write to")
        }
        let found = "\(what) \(facts.path): \(UnitText.bytes(facts.freeBytes)) free"
        if facts.freeBytes >= needed {
            return .passed(.disk, host, "\(found); at most \(UnitText.bytes(needed)) are needed")
        }
        return .problem(
            .disk, host, "\(found); expected \(UnitText.bytes(needed))",
            mend: "make room, give another folder, or keep fewer checkpoints (training.save_total_limit)")
    }

    /// Whether the limits of a process leave room.
    package static func limits(host: String, _ facts: LimitFacts, needs: Needs) -> [Finding] {
        func check(_ what: String, _ found: Int?, _ needed: Int, flag: String, isBytes: Bool) -> Finding? {
            guard let found, found < needed else { return nil }
            let text = isBytes ? (UnitText.bytes(found), UnitText.bytes(needed)) : ("\(found)", "\(needed)")
            return .problem(
                .limits, host, "\(what): at most \(text.0), expected \(text.1)",
                mend:
                    "raise it on \(host): ulimit \(flag), /etc/security/limits.conf, or LimitNOFILE and the like of the "
                    + "unit that starts sshd or the worker")
        }
        let problems = [
            check("open files", facts.openFiles, needs.openFiles, flag: "-n", isBytes: false),
            check("processes and threads", facts.processes, needs.processes, flag: "-u", isBytes: false),
            // OpenBLAS and the threads' stacks reserve addresses that they never touch.
            check("address space", facts.addressSpace, needs.memory + 2 << 30, flag: "-v", isBytes: true),
            check("data segment", facts.dataSegment, needs.memory, flag: "-d", isBytes: true),
            check("file size", facts.fileSize, needs.runFolder, flag: "-f", isBytes: true),
        ].compactMap { $0 }
        if !problems.isEmpty { return problems }
        let files = facts.openFiles.map { "\($0)" } ?? "any number of"
        return [.passed(.limits, host, "\(files) open files; processes, memory and file sizes as needed")]
    }

    /// Whether ports that will be listened on are free.
    package static func port(host: String, _ facts: PortFacts) -> Finding {
        guard let problem = facts.problem else { return .passed(.ports, host, "\(facts.endpoint) is free") }
        return .problem(
            .ports, host, problem, mend: "end what listens there, or give another cluster.port or cluster.bind")
    }

    /// Whether certificates are sound, last long enough and are of the run.
    package static func certificates(
        host: String, _ facts: CertificateFacts, run: String?, hours: Double
    ) -> [Finding] {
        let again = "issue it anew: loradrop certs issue --dir \(facts.folder) --role ROLE NAME"
        if let problem = facts.problem {
            return [
                .problem(
                    .certificates, host, "\(facts.folder): \(problem)",
                    mend:
                        "make certificates (loradrop certs init, loradrop certs issue), and copy ca.pem and the host's own "
                        + "two files there")
            ]
        }
        var findings: [Finding] = []
        for member in facts.members {
            let left = Double(member.notAfter - facts.now) / 3600
            let who = "\(member.file) (\(member.role ?? "nobody") \(member.name ?? ""))"
            if let problem = member.problem {
                findings.append(.problem(.certificates, host, "\(who): \(problem)", mend: again))
            } else if member.role == nil {
                findings.append(.problem(.certificates, host, "\(who) names no member of a run", mend: again))
            } else if let run, member.run != run {
                findings.append(
                    .problem(
                        .certificates, host,
                        "\(who) is of \(member.run.map { "the run \($0)" } ?? "no run"), expected the run \(run)",
                        mend: again))
            } else if left < hours {
                findings.append(
                    .problem(
                        .certificates, host,
                        "\(who) is valid for \(Int(left.rounded(.down))) more hours, expected \(Int(hours))",
                        mend: again + "; a running process takes it up by itself"))
            }
        }
        guard findings.isEmpty else { return findings }
        let soonest = facts.members.map(\.notAfter).min()
        let validity = soonest.map { ", valid for \(($0 - facts.now) / 3600) more hours" } ?? ""
        return [.passed(.certificates, host, "\(facts.folder): \(facts.members.count) sound\(validity)")]
    }

    /// Whether the data can be read.
    package static func data(host: String, _ facts: DataFacts) -> Finding {
        if let problem = facts.problem {
            return .problem(
                .data, host, "\(facts.purpose): \(problem)",
                mend: "mend the file, or the keys that say how it is read (task.train, task.columns, task.format)")
        }
        return .passed(
            .data, host,
            "\(facts.purpose) \(facts.path): \(facts.rowCount) rows, sum \(facts.sha256?.prefix(12) ?? "unknown")")
    }
}
