//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// Noticing what does not come.
extension CoordinatorState {
    mutating func clockTicked(_ now: UInt64) -> [Directive] {
        if case .gathering = stage { return gatheringTick(now) }
        if isRecovering, let trouble {
            // Time in which the run goes on counts only when it has come to nothing again and again.
            let isHopeless = fruitlessGenerations > Self.patience
            let since = isHopeless ? trouble.since : stoppedAt
            if now > since, now - since > deadlines.rejoin { return end(rejoinFailure) }
        }
        let silent = participants.filter { now > $0.value.lastHeard && now - $0.value.lastHeard > deadlines.silence }
        if let worker = silent.min(by: { ($0.value.lastHeard, $0.key) < ($1.value.lastHeard, $1.key) })?.key {
            return dismiss(worker, "nothing was heard from it for \(seconds(deadlines.silence))", now)
        }
        let waited = now > waitingSince ? now - waitingSince : 0
        switch stage {
        case .linking(let ready):
            if let since = missingLinks.since, now > since, now - since > Self.complaintTime {
                return fence(missingLinksReason, now)
            }
            guard waited > deadlines.preparation else { return [] }
            let missing = (roster?.members ?? []).map(\.name).filter { !ready.contains($0) }
            // Who says nothing is held against everyone who is done.
            for worker in missing {
                missingLinks.note(worker, without: Array(ready), in: roster?.generation ?? 0, now)
            }
            return fence(
                "no data links from \(names(missing)) within \(seconds(deadlines.preparation)); check that the workers "
                    + "reach each other at the addresses they advertise", now)
        case .equipping:
            guard waited > deadlines.preparation else { return [] }
            let late = stateAskedOf.map { [$0] } ?? participants.filter { !$0.value.holdsState }.map(\.key)
            return dismissAll(late, "it did not send or take up the state in time", now)
        case .fencing(let awaited):
            guard waited > max(deadlines.silence, deadlines.workFloor) else { return [] }
            return dismissAll(Array(awaited), "it did not answer that it has stopped", now)
        case .regrouping:
            return regroup(now)
        case .running:
            return runningTick(now, waited)
        case .gathering, .failed:
            return []
        }
    }

    private mutating func gatheringTick(_ now: UInt64) -> [Directive] {
        let waited = now > waitingSince ? now - waitingSince : 0
        guard waited > deadlines.join else { return [] }
        if participants.count >= requirements.minimumCount { return formGeneration(now) }
        return end(
            RunFailure(
                code: .rosterIncomplete, workers: participants.keys.sorted(by: naturalOrder),
                description: "\(participants.count) of \(requirements.workerCount) workers joined within "
                    + "\(seconds(deadlines.join)) (\(names(participants.keys))); a run never starts with fewer workers "
                    + "than cluster.min_workers (\(requirements.minimumCount))"))
    }

    private mutating func runningTick(_ now: UInt64, _ waited: UInt64) -> [Directive] {
        if let phase {
            guard waited > deadlines.preparation else { return [] }
            let missing = participants.keys.filter { phase.digests[$0] == nil }
            return dismissAll(
                Array(missing), "it did not take up the \(phase.name) within \(seconds(deadlines.preparation))", now)
        }
        if let holder = stateAskedOf {
            guard waited > deadlines.preparation else { return [] }
            return dismiss(holder, "it did not send its state within \(seconds(deadlines.preparation))", now)
        }
        return overdueWork(now)
    }

    /// A piece of work may be a step or a pass over a whole data set, so what is bounded is the time without progress.
    private mutating func overdueWork(_ now: UInt64) -> [Directive] {
        guard let first = outstanding.first else { return [] }
        let waited = now > progressedAt ? now - progressedAt : 0
        let typical = typicalWorkDuration.map { UInt64($0) &* deadlines.workFactor } ?? 0
        let allowed = max(deadlines.workFloor, typical)
        guard waited > allowed else { return [] }
        let owing = first.owing.union(first.owingShards.compactMap { first.dealt[$0] })
        // Whoever waits in the exchange is a victim: the culprits are those who have not got there.
        let culprits = owing.filter { participants[$0]?.stage != .exchanging(work: first.work.id) }
        let description = "\(first.work.description) made no progress for \(seconds(allowed))"
        guard !culprits.isEmpty else {
            return fence("\(description): \(names(owing)) wait for each other", now)
        }
        return dismissAll(Array(culprits), "\(description): it is alive, but gets nowhere", now)
    }

    private mutating func dismissAll(_ workers: [String], _ reason: String, _ now: UInt64) -> [Directive] {
        var directives: [Directive] = []
        for worker in workers.sorted(by: naturalOrder) {
            directives += dismiss(worker, reason, now)
        }
        return directives
    }

    /// Why the run cannot wait any longer.
    private var rejoinFailure: RunFailure {
        let missing = max(0, requirements.minimumCount - participants.count)
        let lack =
            missing > 0
            ? "\(missing) of at least \(requirements.minimumCount) workers are missing" : "the workers do not link up"
        return RunFailure(
            code: .workerLost, workers: [],
            description: "\(trouble?.reason ?? "workers were lost"); since then \(lack), for "
                + "\(seconds(deadlines.rejoin)) (cluster.rejoin_timeout). The last checkpoint is usable: the same "
                + "command goes on with it")
    }

    func names(_ workers: some Sequence<String>) -> String {
        let sorted = workers.sorted(by: naturalOrder)
        return sorted.isEmpty ? "nobody" : sorted.joined(separator: ", ")
    }

    func seconds(_ nanoseconds: UInt64) -> String {
        "\(Double(nanoseconds / 1_000_000) / 1000) s"
    }
}
