//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// Who belongs to the run: joining, being lost, being dismissed.
extension CoordinatorState {
    mutating func join(_ worker: String, _ facts: WorkerFacts, _ now: UInt64) -> [Directive] {
        var directives: [Directive] = []
        if let present = participants[worker]?.facts {
            // The same start again is the same process over a new connection: the old one is gone.
            guard facts.incarnation >= present.incarnation else {
                return refuse(
                    worker, .alreadyJoined,
                    "a worker with this name has joined already, and started later; give each its own name")
            }
            let reason = facts.incarnation > present.incarnation ? "it has started again" : "it has connected again"
            directives = dismiss(worker, reason, now)
            if case .failed = stage { return directives }
        }
        if audits.distrusted.contains(worker) {
            return directives
                + refuse(worker, .distrusted, "its sums were wrong in this run; look for failing memory there")
        }
        if let until = absences.setAsideUntil(worker, now) {
            return directives
                + refuse(
                    worker, .setAside,
                    "it was lost \(absences.count(of: worker, now)) times in a short while and is set aside for another "
                        + seconds(until - now))
        }
        // Where workers are short it may try: the one whom it could not reach may be gone.
        if participants.count >= requirements.minimumCount, let until = missingLinks.pausedUntil(worker, now) {
            return directives
                + refuse(
                    worker, .setAside,
                    "it had no data links with others of the run, which goes on without it; it may try again in "
                        + seconds(until - now))
        }
        guard participants.count < requirements.maximumCount else {
            return directives
                + refuse(worker, .rosterFull, "the run has its \(requirements.maximumCount) workers already")
        }
        let first = participants.min { naturalOrder($0.key, $1.key) }.map { (name: $0.key, facts: $0.value.facts) }
        if let refusal = requirements.refusal(of: facts, established: first) {
            return directives + [.refuse(worker: worker, refusal)]
        }
        participants[worker] = Participant(facts: facts, lastHeard: now)
        directives.append(.welcome(worker: worker))
        switch stage {
        case .gathering:
            if participants.count == requirements.workerCount {
                directives += formGeneration(now)
            }
        case .regrouping:
            directives += regroup(now)
        case .linking, .equipping, .running:
            directives += fence("\(worker) joins", now)
        case .fencing, .failed:
            break
        }
        return directives
    }

    private func refuse(_ worker: String, _ code: JoinRefusal.Code, _ reason: String) -> [Directive] {
        [.refuse(worker: worker, JoinRefusal(code: code, reason: reason))]
    }

    /// A worker is gone; the run goes on without it, if enough are left, or waits.
    mutating func lose(_ worker: String, _ reason: String, _ now: UInt64) -> [Directive] {
        guard participants.removeValue(forKey: worker) != nil else { return [] }
        if case .gathering = stage {
            // Nothing has begun yet: its place is free again.
            return []
        }
        // Should it come back, it comes back with nothing.
        halted[worker] = nil
        absences.note(worker, now)
        missingLinks.forget(worker)
        switch stage {
        case .fencing(var awaited):
            awaited.remove(worker)
            stage = .fencing(awaited: awaited)
            return awaited.isEmpty ? regroup(now) : []
        case .linking, .equipping, .running:
            return fence("\(worker) is lost\(during): \(reason)", now)
        case .gathering, .regrouping, .failed:
            return []
        }
    }

    /// Ends a worker's part in the run from this side.
    mutating func dismiss(_ worker: String, _ reason: String, _ now: UInt64) -> [Directive] {
        guard participants[worker] != nil else { return [] }
        return [.dismiss(worker: worker, reason: reason)] + lose(worker, reason, now)
    }

    /// A worker's process has ended, as whoever watches over it says.
    mutating func processEnded(_ worker: String, _ reason: String, _ returns: Bool, _ now: UInt64) -> [Directive] {
        let left = participants.keys.count { $0 != worker }
        guard returns || left >= requirements.minimumCount else {
            return end(
                RunFailure(
                    code: .workerLost, workers: [worker],
                    description: "\(worker) ended\(during): \(reason). Nobody starts it again, and \(left) workers are "
                        + "fewer than the run may have (cluster.min_workers). The last checkpoint, if there is one, is "
                        + "usable: the same command goes on with it"))
        }
        return dismiss(worker, reason, now)
    }

    mutating func failureReported(
        _ worker: String, _ trouble: WorkerTrouble, _ message: String, _ now: UInt64
    ) -> [Directive] {
        let isHalting = if case .fencing = stage { true } else { false }
        switch trouble {
        case .network(let unlinked):
            // The links between workers: nobody is to blame yet.
            return linksMissing(worker, unlinked, message, now)
                ?? fence("\(worker) cannot exchange\(during): \(message)", now)
        case .miscount where isHalting:
            // Everyone sees it; the first word of it was enough.
            return []
        case .miscount(let shard):
            // The piece that it is at; the one in front may still lack the report of somebody else.
            let piece = outstanding.first { $0.owing.contains(worker) }
            let culprit = piece?.dealt[shard] ?? worker
            return [.deviation(workers: [culprit], description: message)] + dismiss(culprit, message, now)
        case .itsOwn:
            return dismiss(worker, message, now)
        case .everyones:
            return end(RunFailure(code: .workerFailed, workers: [worker], description: "\(worker) failed: \(message)"))
        }
    }
}

/// How often workers were lost lately: who keeps failing is set aside for a while, not for ever.
struct AbsenceRecord: Sendable {
    /// Losses that are nothing unusual.
    private static let patience = 5
    private static let firstPause: UInt64 = 30_000_000_000
    private static let longestPause: UInt64 = 600_000_000_000
    /// Losses that are further back are forgotten.
    private static let memory: UInt64 = 600_000_000_000

    private var times: [String: [UInt64]] = [:]

    mutating func note(_ worker: String, _ now: UInt64) {
        times[worker] = recent(worker, now) + [now]
    }

    func count(of worker: String, _ now: UInt64) -> Int { recent(worker, now).count }

    /// Until when a worker may not join; nil if it may.
    func setAsideUntil(_ worker: String, _ now: UInt64) -> UInt64? {
        let recent = recent(worker, now)
        guard recent.count > Self.patience, let last = recent.last else { return nil }
        let doublings = min(UInt64(recent.count - Self.patience - 1), 10)
        let until = last + min(Self.firstPause << doublings, Self.longestPause)
        return until > now ? until : nil
    }

    private func recent(_ worker: String, _ now: UInt64) -> [UInt64] {
        (times[worker] ?? []).filter { $0 + Self.memory > now }
    }
}
