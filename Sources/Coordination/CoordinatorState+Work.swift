//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// Phases and pieces of work: giving them out, collecting the reports.
extension CoordinatorState {
    // MARK: Phases

    mutating func requestPhase(_ name: String, _ step: Int, _ now: UInt64) -> [Directive] {
        precondition(outstanding.isEmpty, "phase \(name) was requested while work is outstanding")
        phase = (name, step, [:])
        phaseName = name
        guard case .running = stage else { return [] }
        return beginPhase(now)
    }

    /// Lets everybody take up the phase that is requested.
    mutating func beginPhase(_ now: UInt64) -> [Directive] {
        phase?.digests = [:]
        waitingSince = now
        return (roster?.members ?? []).map { .beginPhase(worker: $0.name) }
    }

    mutating func phaseReady(_ worker: String, _ step: Int, _ digest: [UInt8], _ now: UInt64) -> [Directive] {
        switch stage {
        case .equipping: return equipped(worker, HeldState(step: step, digest: digest), now)
        case .running: break
        case .gathering, .linking, .fencing, .regrouping, .failed: return []
        }
        guard var phase, let roster else {
            return dismiss(worker, "it says that it has taken up a phase, which nobody asked for", now)
        }
        guard step == phase.step else {
            return dismiss(worker, "it took up the \(phase.name) at step \(step), expected \(phase.step)", now)
        }
        phase.digests[worker] = digest
        self.phase = phase
        guard phase.digests.count == roster.members.count else { return [] }
        if let directives = disagreement(phase.digests, at: "the start of the \(phase.name)", now) { return directives }
        self.phase = nil
        agreed = HeldState(step: step, digest: digest)
        for name in participants.keys {
            participants[name]?.holdsState = true
        }
        gotOn()
        return [.phaseBegan(digest: digest)]
    }

    // MARK: Work

    mutating func give(_ work: Work, _ now: UInt64) -> [Directive] {
        precondition(agreed != nil && phase == nil, "\(work.description) was requested before a phase began")
        let areSteps = work.resultingStep != nil && outstanding.allSatisfy { $0.work.resultingStep != nil }
        precondition(
            outstanding.isEmpty || areSteps,
            "\(work.description) was requested while other work is outstanding; only steps may wait behind steps")
        precondition(!work.shardTokens.isEmpty || work.kind == .collective, "\(work.description) has no shards")
        outstanding.append(Outstanding(work, startedAt: now, relapse: relapse))
        guard case .running = stage else { return [] }
        if outstanding.count == 1 {
            waitingSince = now
            progressedAt = now
        }
        return deal(outstanding.count - 1)
    }

    /// Gives out what is missing of a piece to the present generation.
    mutating func deal(_ place: Int) -> [Directive] {
        guard let roster else { return [] }
        let work = outstanding[place].work
        let missing = outstanding[place].owingShards
        let shards = work.kind == .collective ? Array(work.shardTokens.indices) : missing.sorted()
        let dealt = dealer.deal(shardTokens: shards.map { work.shardTokens[$0] }, to: roster.members)
        outstanding[place].dealt = [:]
        outstanding[place].reports = [:]
        outstanding[place].isDisputed = false
        var directives: [Directive] = []
        for (member, places) in zip(roster.members, dealt) {
            let mine = places.map { shards[$0] }
            for shard in mine {
                outstanding[place].dealt[shard] = member.name
            }
            if work.kind == .independent, mine.isEmpty { continue }
            directives.append(.assign(worker: member.name, work: work.id, shards: mine))
        }
        guard work.kind == .collective else { return directives }
        outstanding[place].owing = Set(roster.members.map(\.name))
        let auditors = audits.draw(for: work, dealt: outstanding[place].dealt, in: roster)
        outstanding[place].auditors = auditors
        return auditors.sorted { $0.key < $1.key }.map { shard, auditor in
            .audit(work: work.id, shard: shard, owner: outstanding[place].dealt[shard] ?? "", auditor: auditor)
        } + directives
    }

    /// Whether reports about the present generation's work count now.
    private var takesReports: Bool {
        switch stage {
        case .running, .fencing: true
        case .gathering, .linking, .equipping, .regrouping, .failed: false
        }
    }

    mutating func collectiveReported(_ worker: String, _ report: CollectiveReport, _ now: UInt64) -> [Directive] {
        dealer.observe(worker, tokens: report.tokens, nanoseconds: report.nanoseconds)
        guard takesReports, report.generation == roster?.generation,
            let place = outstanding.firstIndex(where: { $0.work.id == report.work }),
            outstanding[place].owing.remove(worker) != nil
        else {
            return dismiss(worker, "it reported work \(report.work), which it did not owe", now)
        }
        outstanding[place].reports[worker] = report
        progressedAt = now
        return finishedWork(now)
    }

    mutating func shardReported(_ worker: String, _ work: UInt64, _ shard: Int, _ now: UInt64) -> [Directive] {
        guard takesReports, owes(worker, work: work, shard: shard),
            let place = outstanding.firstIndex(where: { $0.work.id == work })
        else {
            return dismiss(worker, "it answered shard \(shard) of work \(work), which it did not owe", now)
        }
        outstanding[place].owingShards.remove(shard)
        progressedAt = now
        if case .running = stage { gotOn() }
        return finishedWork(now)
    }

    /// Takes finished pieces from the front: they are done in the order in which they were requested.
    private mutating func finishedWork(_ now: UInt64) -> [Directive] {
        var directives: [Directive] = []
        while let first = outstanding.first, first.isDone {
            let results = first.reports.mapValues(\.result)
            if let deviation = disagreement(results, at: first.work.description, now) {
                outstanding[0].isDisputed = true
                return directives + deviation
            }
            if let deviation = auditFailure(first, now) {
                return directives + deviation
            }
            outstanding.removeFirst()
            let digest = first.reports.values.first?.state
            if let digest {
                agreed = HeldState(step: first.work.resultingStep ?? agreed?.step ?? 0, digest: digest)
            }
            // Work that waited for its turn is measured from the end of the one before.
            let duration = Double(now - max(first.startedAt, waitingSince))
            typicalWorkDuration = typicalWorkDuration.map { $0 + 0.2 * (duration - $0) } ?? duration
            waitingSince = now
            if case .running = stage { gotOn() }
            directives.append(.workDone(work: first.work.id, digest: digest))
        }
        return directives
    }

    // MARK: Audit

    /// Takes the run back to its last checkpoint if somebody's sums of a shard were not those of its auditor: everyone
    /// has applied them by now.
    /// - Returns: Nil if all audits agree.
    private mutating func auditFailure(_ piece: Outstanding, _ now: UInt64) -> [Directive]? {
        for (shard, auditor) in piece.auditors.sorted(by: { $0.key < $1.key }) {
            guard let owner = piece.dealt[shard],
                piece.reports[owner]?.audits[shard] != piece.reports[auditor]?.audits[shard]
            else { continue }
            let pair = [owner, auditor].sorted(by: naturalOrder)
            let description =
                "\(owner) and \(auditor) have different sums of shard \(shard) of \(piece.work.description)"
            let failure = RunFailure(code: .stateLost, workers: pair, description: description)
            let culprits = audits.mismatch(between: pair)
            guard culprits.count < 2 else {
                return end(
                    RunFailure(
                        code: .desynchronised, workers: pair,
                        description: description + ", for the second time. Look for failing memory there; the last "
                            + "checkpoint is usable"))
            }
            rollBack = failure
            // Before anybody is dismissed: with the last of those who are awaited the state is given up, and this with it.
            outstanding[0].isDisputed = true
            var directives = [
                Directive.deviation(workers: culprits.isEmpty ? pair : culprits, description: description)
            ]
            for culprit in culprits {
                directives += dismiss(culprit, "its sums were wrong for the second time", now)
            }
            return directives + fence(description, now)
        }
        return nil
    }

    // MARK: Disagreement

    /// Fences the generation if workers hold different results: who deviates gets the majority's state.
    ///
    /// Without a majority the run begins again from its last checkpoint. A second mismatch at one place ends it.
    /// - Returns: Nil if all agree.
    private mutating func disagreement(
        _ results: [String: [UInt8]], at place: String, _ now: UInt64
    ) -> [Directive]? {
        let groups = Dictionary(grouping: results.keys, by: { results[$0] ?? [] })
        guard groups.count > 1 else { return nil }
        let largest = groups.values.map(\.count).max() ?? 0
        let hasMajority = largest * 2 > results.count
        let deviating = groups.values.filter { !hasMajority || $0.count < largest }.flatMap { $0 }.sorted(
            by: naturalOrder)
        let states = results.sorted { naturalOrder($0.key, $1.key) }.map { "\($0.key) \(hexadecimal($0.value))" }
        let description =
            "after \(place) the workers hold different results (\(states.joined(separator: ", "))); deviating: "
            + deviating.joined(separator: ", ")
        disagreements[place, default: 0] += 1
        if disagreements[place, default: 0] > 1 {
            return end(
                RunFailure(
                    code: .desynchronised, workers: deviating,
                    description: description + ", for the second time. Look for failing memory or a changed model file "
                        + "there; the last checkpoint is usable"))
        }
        if hasMajority {
            for name in deviating {
                participants[name]?.holdsState = false
                halted[name] = nil
            }
        }
        return [.deviation(workers: deviating, description: description)] + fence(description, now)
    }
}
