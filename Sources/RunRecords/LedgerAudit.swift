//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a run's journal proves of the use of its examples: that every one of every epoch was used exactly once.
///
/// The journal holds of every committed step the examples of all shards that were handed out for it, and a step is
/// committed only when every worker has found each of its shards exactly once in the sums. So it is enough to count.
package struct LedgerAudit: Sendable, Hashable {
    /// One of the run's trainings.
    package struct Phase: Sendable, Hashable {
        package let name: String
        /// Steps that the phase is to have.
        package var stepCount: Int
        /// Examples that an epoch visits.
        package var exampleCount: Int
        package var stepsPerEpoch: Int
        /// Steps that are committed, each counted once.
        package var committed = 0
        /// Epochs of which every step is committed.
        package var wholeEpochs = 0
        /// Uses of examples in all committed steps.
        package var uses = 0
    }

    package private(set) var phases: [Phase] = []
    /// How often a coordinator has opened the run.
    package private(set) var starts = 0
    /// Generations that were formed, over all starts.
    package private(set) var rosters = 0
    /// The adapter's SHA-256; nil while the run is not finished.
    package private(set) var adapterDigest: String?
    /// What speaks against the proof; empty if it holds.
    package private(set) var faults: [String] = []

    private typealias Step = (digest: String, examples: [UInt32])

    /// Counts through a journal.
    package init(_ records: [JournalRecord]) {
        var steps: [String: [Int: Step]] = [:]
        for record in records {
            switch record.event {
            case .opened: starts += 1
            case .roster: rosters += 1
            case .phaseBegan(let name, let stepCount, let exampleCount, let stepsPerEpoch):
                begin(
                    Phase(
                        name: name, stepCount: stepCount, exampleCount: exampleCount, stepsPerEpoch: stepsPerEpoch))
            case .commit(let phase, let step, let digest, let examples):
                if let known = steps[phase]?[step] {
                    if known.digest != digest {
                        faults.append("step \(step) of the \(phase) is committed with two digests")
                    }
                    if known.examples != examples {
                        faults.append("step \(step) of the \(phase) is committed of other examples the second time")
                    }
                } else {
                    steps[phase, default: [:]][step] = (digest, examples)
                }
            case .finished(let digest):
                if let adapterDigest, adapterDigest != digest {
                    faults.append("the run is finished with two adapters: \(adapterDigest) and \(digest)")
                }
                adapterDigest = digest
            case .phaseEnded, .decision, .checkpoint, .evaluation: break
            }
        }
        for name in steps.keys.sorted() where !phases.contains(where: { $0.name == name }) {
            faults.append("steps of the \(name) are committed, which never began")
        }
        for place in phases.indices {
            count(steps[phases[place].name] ?? [:], of: place)
        }
    }

    /// Whether every example of every whole epoch was used exactly once, and none twice in an epoch that is not whole.
    package var holds: Bool { faults.isEmpty && !phases.isEmpty }

    /// A page for people.
    package var lines: [String] {
        var lines = [
            "starts of the coordinator: \(starts), generations: \(rosters), "
                + (adapterDigest.map { "finished, adapter \($0)" } ?? "not finished")
        ]
        for phase in phases {
            lines.append(
                "\(phase.name): \(phase.committed) of \(phase.stepCount) steps committed, \(phase.wholeEpochs) whole "
                    + "epoch\(phase.wholeEpochs == 1 ? "" : "s") of \(phase.exampleCount) examples, \(phase.uses) uses")
        }
        if phases.isEmpty {
            lines.append("no phase has begun: there is nothing to prove")
        }
        let limit = 20
        lines += faults.prefix(limit).map { "FAULT: \($0)" }
        if faults.count > limit {
            lines.append("and \(faults.count - limit) more faults")
        }
        if holds {
            lines.append("every example of every epoch was used exactly once")
        }
        return lines
    }

    private mutating func begin(_ phase: Phase) {
        if let known = phases.first(where: { $0.name == phase.name }) {
            if known != phase {
                faults.append("the \(phase.name) began again with other facts: \(phase) instead of \(known)")
            }
            return
        }
        guard phase.exampleCount > 0, phase.stepsPerEpoch > 0 else {
            faults.append("the journal does not say how many examples the \(phase.name) has")
            return
        }
        phases.append(phase)
    }

    private mutating func count(_ steps: [Int: Step], of place: Int) {
        var phase = phases[place]
        let name = phase.name
        phase.committed = steps.count
        phase.uses = steps.values.reduce(0) { $0 + $1.examples.count }
        let last = steps.keys.max() ?? 0
        if let first = steps.keys.min(), first < 1 || last > phase.stepCount {
            faults.append("the \(name) has steps 1 to \(phase.stepCount), \(first) to \(last) are committed")
        }
        let missing = last > 0 ? (1...last).filter { steps[$0] == nil } : []
        if !missing.isEmpty {
            faults.append(
                "of the \(name) steps are missing: \(missing.prefix(10).map(String.init).joined(separator: ", "))")
        }
        if name == "fine-tune", let limit = steps.values.compactMap({ $0.examples.max() }).max(),
            limit >= UInt32(phase.exampleCount)
        {
            faults.append("the \(name) used example \(limit), its file has \(phase.exampleCount)")
        }
        var everyone: Set<UInt32>?
        var epoch = 0
        while epoch * phase.stepsPerEpoch < last {
            let range = epoch * phase.stepsPerEpoch + 1...min(last, (epoch + 1) * phase.stepsPerEpoch)
            var used: Set<UInt32> = []
            for step in range {
                for example in steps[step]?.examples ?? [] where !used.insert(example).inserted {
                    faults.append("epoch \(epoch + 1) of the \(name) used example \(example) again in step \(step)")
                }
            }
            if range.count == phase.stepsPerEpoch {
                phase.wholeEpochs += 1
                if used.count != phase.exampleCount {
                    faults.append(
                        "epoch \(epoch + 1) of the \(name) used \(used.count) of \(phase.exampleCount) examples")
                }
                if let everyone, everyone != used {
                    faults.append("epoch \(epoch + 1) of the \(name) used other examples than the first")
                }
                everyone = everyone ?? used
            }
            epoch += 1
        }
        phases[place] = phase
    }
}
