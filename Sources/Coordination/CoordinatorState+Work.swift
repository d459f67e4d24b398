//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// Giving out work, collecting the reports, and noticing what does not come.
extension CoordinatorState {
    mutating func give(_ work: Work, _ now: UInt64) -> [Directive] {
        guard case .running = stage, let roster else {
            preconditionFailure("\(work.description) was requested before the roster was ready")
        }
        let dealt = dealer.deal(shardTokens: work.shardTokens, to: roster.members)
        var owing: Set<String> = []
        var owingShards: [Int: String] = [:]
        var directives: [Directive] = []
        for (member, shards) in zip(roster.members, dealt) {
            switch work.kind {
            case .collective:
                owing.insert(member.name)
            case .independent:
                if shards.isEmpty { continue }
                for shard in shards {
                    owingShards[shard] = member.name
                }
            }
            directives.append(.assign(worker: member.name, work: work.id, shards: shards))
        }
        outstanding.append(Outstanding(work: work, owing: owing, owingShards: owingShards, startedAt: now))
        if outstanding.count == 1 {
            waitingSince = now
            progressedAt = now
        }
        return directives
    }

    mutating func collectiveReported(
        _ worker: String, _ work: UInt64, _ digest: [UInt8], _ now: UInt64
    ) -> [Directive] {
        guard let place = outstanding.firstIndex(where: { $0.work.id == work }),
            outstanding[place].owing.remove(worker) != nil
        else {
            return end(unexpected(worker, "a report of work \(work)"))
        }
        outstanding[place].digests[worker] = digest
        progressedAt = now
        return finishedWork(now)
    }

    mutating func shardReported(_ worker: String, _ work: UInt64, _ shard: Int, _ now: UInt64) -> [Directive] {
        guard let place = outstanding.firstIndex(where: { $0.work.id == work }),
            outstanding[place].owingShards[shard] == worker
        else {
            return end(unexpected(worker, "an answer for shard \(shard) of work \(work)"))
        }
        outstanding[place].owingShards[shard] = nil
        progressedAt = now
        return finishedWork(now)
    }

    /// Takes finished pieces from the front: they are done in the order in which they were requested.
    private mutating func finishedWork(_ now: UInt64) -> [Directive] {
        var directives: [Directive] = []
        while let first = outstanding.first, first.owing.isEmpty, first.owingShards.isEmpty {
            if let failure = disagreement(first.digests, at: first.work.description) {
                return directives + end(failure)
            }
            outstanding.removeFirst()
            // Work that waited for its turn is measured from the end of the one before.
            let duration = Double(now - max(first.startedAt, waitingSince))
            typicalWorkDuration = typicalWorkDuration.map { $0 + 0.2 * (duration - $0) } ?? duration
            waitingSince = now
            directives.append(.workDone(work: first.work.id, digest: first.digests.values.first))
        }
        return directives
    }

    /// Who deviates from the majority; with no majority, everyone is named.
    func disagreement(_ digests: [String: [UInt8]], at place: String) -> RunFailure? {
        let groups = Dictionary(grouping: digests.keys, by: { digests[$0] ?? [] })
        guard groups.count > 1 else { return nil }
        let largest = groups.values.map(\.count).max() ?? 0
        let hasMajority = largest * 2 > digests.count
        let deviating = groups.values.filter { !hasMajority || $0.count < largest }.flatMap { $0 }.sorted(
            by: naturalOrder)
        let states = digests.sorted { naturalOrder($0.key, $1.key) }.map { "\($0.key) \(hexadecimal($0.value))" }
        return RunFailure(
            code: .desynchronised, workers: deviating,
            description: "after \(place) the workers hold different states (\(states.joined(separator: ", "))); "
                + "deviating: \(deviating.joined(separator: ", ")). Look for failing memory or a changed model file "
                + "there; the last checkpoint is usable")
    }

    mutating func clockTicked(_ now: UInt64) -> [Directive] {
        let waited = now > waitingSince ? now - waitingSince : 0
        switch stage {
        case .gathering:
            guard waited > deadlines.join else { return [] }
            return end(
                RunFailure(
                    code: .rosterIncomplete, workers: facts.keys.sorted(by: naturalOrder),
                    description: "\(facts.count) of \(requirements.workerCount) workers joined within "
                        + "\(seconds(deadlines.join)) (\(names(facts.keys))); a run never starts with fewer workers "
                        + "than asked for"))
        case .linking(let ready):
            if let silent = silentWorker(now) { return silent }
            guard waited > deadlines.preparation else { return [] }
            let missing = facts.keys.filter { !ready.contains($0) }
            return end(
                RunFailure(
                    code: .deadline, workers: missing.sorted(by: naturalOrder),
                    description: "no data links from \(names(missing)) within \(seconds(deadlines.preparation)); check "
                        + "that the workers reach each other at the addresses they advertise"))
        case .running:
            if let silent = silentWorker(now) { return silent }
            if let phase, waited > deadlines.preparation {
                let missing = facts.keys.filter { phase.digests[$0] == nil }
                return end(
                    RunFailure(
                        code: .deadline, workers: missing.sorted(by: naturalOrder),
                        description: "\(names(missing)) did not take up the phase \(phase.name) within "
                            + "\(seconds(deadlines.preparation))"))
            }
            return overdueWork(now)
        case .failed:
            return []
        }
    }

    /// A piece of work may be a step or a pass over a whole data set, so what is bounded is the time without progress.
    private mutating func overdueWork(_ now: UInt64) -> [Directive] {
        guard let first = outstanding.first else { return [] }
        let waited = now > progressedAt ? now - progressedAt : 0
        let typical = typicalWorkDuration.map { UInt64($0) &* deadlines.workFactor } ?? 0
        let allowed = max(deadlines.workFloor, typical)
        guard waited > allowed else { return [] }
        let owing = first.owing.union(first.owingShards.values)
        // Whoever waits in the exchange is a victim: the culprits are those who have not got there.
        let culprits = owing.filter { workerStages[$0] != .exchanging(work: first.work.id) }
        let named = culprits.isEmpty ? owing : culprits
        return end(
            RunFailure(
                code: .deadline, workers: named.sorted(by: naturalOrder),
                description: "\(first.work.description) made no progress for \(seconds(allowed)); waiting for "
                    + "\(names(named)) (alive, but without progress). The last checkpoint is usable"))
    }

    private mutating func silentWorker(_ now: UInt64) -> [Directive]? {
        let silent = lastHeard.filter { facts[$0.key] != nil && now > $0.value && now - $0.value > deadlines.silence }
        guard let worker = silent.min(by: { $0.value < $1.value })?.key else { return nil }
        return memberLost(worker, "nothing was heard from it for \(seconds(deadlines.silence))")
    }

    private func unexpected(_ worker: String, _ what: String) -> RunFailure {
        RunFailure(
            code: .workerFailed, workers: [worker],
            description: "\(worker) sent \(what), which it did not owe\(during); it does not follow the protocol")
    }

    private func names(_ workers: some Sequence<String>) -> String {
        let sorted = workers.sorted(by: naturalOrder)
        return sorted.isEmpty ? "nobody" : sorted.joined(separator: ", ")
    }

    private func seconds(_ nanoseconds: UInt64) -> String {
        "\(Double(nanoseconds / 1_000_000) / 1000) s"
    }
}
