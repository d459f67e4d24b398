//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// From one generation to the next: fence, regroup, link up, equip, go on.
extension CoordinatorState {
    // MARK: Fence

    /// Ends the present generation: nobody commits anything of it after having answered.
    mutating func fence(_ reason: String, _ now: UInt64) -> [Directive] {
        guard let roster else { return [] }
        switch stage {
        case .gathering, .fencing, .regrouping, .failed: return []
        case .linking, .equipping, .running: break
        }
        if trouble == nil || !isRecovering {
            stoppedAt = now
        }
        trouble = trouble ?? (now, reason)
        fruitlessGenerations += 1
        stateAskedOf = nil
        halted = [:]
        let members = roster.members.map(\.name).filter { participants[$0] != nil }
        stage = .fencing(awaited: Set(members))
        waitingSince = now
        let directives = [Directive.fenced(generation: roster.generation, reason: reason)]
        guard !members.isEmpty else { return directives + regroup(now) }
        return directives + members.map { .halt(worker: $0, generation: roster.generation) }
    }

    mutating func halted(
        _ worker: String, _ generation: UInt32, _ state: HeldState?, _ now: UInt64
    ) -> [Directive] {
        guard case .fencing(var awaited) = stage, generation == roster?.generation,
            awaited.remove(worker) != nil
        else {
            return dismiss(worker, "it says that it was halted, which nobody asked for", now)
        }
        // Who was about to be given the state may hold anything, or the state already.
        if let state, state == agreed || participants[worker]?.holdsState == true && hasReported(worker, state) {
            halted[worker] = state
        }
        stage = .fencing(awaited: awaited)
        return awaited.isEmpty ? regroup(now) : []
    }

    /// Whether this is the state that a worker's own reports led to: they come before its answer to the halt.
    private func hasReported(_ worker: String, _ state: HeldState) -> Bool {
        let steps = outstanding.prefix { ($0.work.resultingStep ?? .max) <= state.step }
        guard let last = steps.last, last.work.resultingStep == state.step else { return false }
        return last.reports[worker]?.state == state.digest && steps.allSatisfy { $0.reports[worker] != nil }
    }

    // MARK: Regroup

    /// Forms the next generation, if enough workers are there.
    mutating func regroup(_ now: UInt64) -> [Directive] {
        var notBefore = now
        switch stage {
        case .fencing:
            // The first attempt is immediate; links that keep breaking are given time to mend.
            if fruitlessGenerations > 2 {
                notBefore += min(50_000_000 << UInt64(min(fruitlessGenerations - 3, 7)), 5_000_000_000)
            }
        case .regrouping(let until): notBefore = until
        case .gathering, .linking, .equipping, .running, .failed: return []
        }
        guard participants.count >= requirements.minimumCount else {
            let isNews = if case .fencing = stage { true } else { false }
            stage = .regrouping(notBefore: notBefore)
            return isNews ? [.waiting(missing: requirements.minimumCount - participants.count)] : []
        }
        guard now >= notBefore else {
            stage = .regrouping(notBefore: notBefore)
            return []
        }
        stage = .regrouping(notBefore: notBefore)
        let directives = leaveOut(now) + settle()
        if case .failed = stage { return directives }
        return directives + formGeneration(now)
    }

    /// Chooses the state to go on from.
    private mutating func settle() -> [Directive] {
        let held = halted.filter { participants[$0.key] != nil }
        for name in participants.keys {
            participants[name]?.holdsState = false
        }
        if let failure = rollBack {
            rollBack = nil
            return loseState(failure)
        }
        // A phase that was being taken up is taken up again, from what the run asked for.
        guard phase == nil, let agreed else { return [] }
        guard let chosen = furthest(held, agreed) else {
            let reason = trouble?.reason ?? "workers were lost"
            return loseState(
                RunFailure(
                    code: .stateLost, workers: [],
                    description: "nobody is left that holds the state of step \(agreed.step) of the \(phaseName) "
                        + "(\(reason))"))
        }
        for (name, state) in held where state == chosen {
            participants[name]?.holdsState = true
        }
        self.agreed = chosen
        let holder = held.filter { $0.value == chosen }.keys.min(by: naturalOrder)
        // A survivor has committed these, so they are facts, whoever's report is missing.
        var directives: [Directive] = []
        while let first = outstanding.first, let result = first.work.resultingStep, result <= chosen.step {
            guard let digest = holder.flatMap({ first.reports[$0] })?.state else {
                preconditionFailure("\(first.work.description) is committed, and its holder has not reported it")
            }
            outstanding.removeFirst()
            let told = relapse == .oneDigestForTwoSteps ? chosen.digest : digest
            directives.append(.workDone(work: first.work.id, digest: told))
        }
        return directives
    }

    /// The furthest state that can be trusted: what was agreed on is a fact, and what lies beyond it takes two workers
    /// who say the same.
    ///
    /// A state that a single worker reached, which nobody can check, is taken only if nobody holds the agreed one any
    /// more: a step done again costs a step, a wrong state the run.
    ///
    /// Nothing is taken that lies beyond a step in dispute: it has the sums of who deviated in it.
    private func furthest(_ held: [String: HeldState], _ agreed: HeldState) -> HeldState? {
        let disputed =
            relapse == .beyondDisputes
            ? .max
            : outstanding.first { Set($0.reports.values.map(\.result)).count > 1 }?.work.resultingStep ?? .max
        let held = held.filter { $0.value.step <= disputed }
        for step in Set(held.values.map(\.step)).filter({ $0 > agreed.step }).sorted(by: >) {
            let claims = claims(of: step, held)
            if let digest = winner(claims), claims.values.count(where: { $0 == digest }) > 1 {
                let state = HeldState(step: step, digest: digest)
                if held.values.contains(state) { return state }
            }
        }
        if held.values.contains(agreed) { return agreed }
        guard let last = held.values.map(\.step).max(), last > agreed.step else { return nil }
        let claims = Set(claims(of: last, held).values)
        return claims.count == 1 ? claims.first.map { HeldState(step: last, digest: $0) } : nil
    }

    /// The digests that workers say a step led to, by worker: survivors, and those who were lost and had reported it.
    private func claims(of step: Int, _ held: [String: HeldState]) -> [String: [UInt8]] {
        let reports = outstanding.first { $0.work.resultingStep == step }?.reports ?? [:]
        let survivors = held.filter { $0.value.step == step }.mapValues(\.digest)
        return reports.mapValues(\.state).merging(survivors) { $1 }
    }

    /// The digest that more workers claim than any other; nil without one.
    private func winner(_ claims: [String: [UInt8]]) -> [UInt8]? {
        let counts = Dictionary(grouping: claims.values, by: { $0 }).mapValues(\.count)
        let most = counts.values.max() ?? 0
        let leaders = counts.filter { $0.value == most }.keys
        return leaders.count == 1 ? leaders.first : nil
    }

    /// Forgets everything that was requested; the run begins again from its last checkpoint.
    private mutating func loseState(_ failure: RunFailure) -> [Directive] {
        agreed = nil
        outstanding = []
        phase = nil
        wantsState = false
        return [.stateLost(failure)]
    }

    mutating func formGeneration(_ now: UInt64) -> [Directive] {
        let roster = Roster(
            generation: (roster?.generation ?? 0) + 1, facts: participants.mapValues(\.facts))
        self.roster = roster
        stage = .linking(ready: [])
        missingLinks.begin()
        waitingSince = now
        return [.formLinks(roster)]
    }

    // MARK: Link up, equip, go on

    mutating func linksReady(_ worker: String, _ generation: UInt32, _ now: UInt64) -> [Directive] {
        guard case .linking(var ready) = stage, let roster, generation == roster.generation else { return [] }
        ready.insert(worker)
        stage = .linking(ready: ready)
        guard ready.count == roster.members.count else { return fenceIfAllAnswered(now) }
        waitingSince = now
        missingLinks.linkedUp(roster.members.map(\.name))
        for name in participants.keys {
            participants[name]?.hasLinkedUp = true
        }
        guard phase == nil, let agreed, participants.values.contains(where: { !$0.holdsState }) else {
            return [.rosterReady(roster)] + goOn(now)
        }
        stage = .equipping
        return [.rosterReady(roster)] + fetchState(agreed.step, now)
    }

    mutating func requestState(_ now: UInt64) -> [Directive] {
        precondition(outstanding.isEmpty && phase == nil, "the state was requested while work is outstanding")
        wantsState = true
        guard case .running = stage, let agreed else { return [] }
        return fetchState(agreed.step, now)
    }

    private mutating func fetchState(_ step: Int, _ now: UInt64) -> [Directive] {
        let holders = (roster?.members ?? []).map(\.name).filter { participants[$0]?.holdsState == true }
        guard let holder = holders.first else {
            preconditionFailure("the state of step \(step) is to be fetched, and nobody holds it")
        }
        stateAskedOf = holder
        waitingSince = now
        return [.fetchState(worker: holder, step: step)]
    }

    mutating func stateReceived(_ worker: String, _ state: HeldState, _ now: UInt64) -> [Directive] {
        guard stateAskedOf == worker else {
            // An answer to a question of a generation that is over comes before the answer to its halt.
            if case .fencing = stage { return [] }
            return dismiss(worker, "it sent a state that nobody asked for", now)
        }
        stateAskedOf = nil
        guard state == agreed else {
            participants[worker]?.holdsState = false
            return [.deviation(workers: [worker], description: "its state is not the one that it reported")]
                + dismiss(worker, "it sent another state than the one it reported", now)
        }
        waitingSince = now
        if case .equipping = stage {
            return participants.filter { !$0.value.holdsState }.keys.sorted(by: naturalOrder).map {
                .equip(worker: $0)
            }
        }
        wantsState = false
        return [.deliverState]
    }

    /// A worker that was given the state holds it.
    mutating func equipped(_ worker: String, _ state: HeldState, _ now: UInt64) -> [Directive] {
        guard state == agreed, stateAskedOf == nil else {
            return dismiss(worker, "it took up another state than the one it was given", now)
        }
        participants[worker]?.holdsState = true
        guard participants.values.allSatisfy(\.holdsState) else { return [] }
        return goOn(now)
    }

    /// Gives out again whatever is not done.
    private mutating func goOn(_ now: UInt64) -> [Directive] {
        stage = .running
        waitingSince = now
        progressedAt = now
        if phase != nil {
            // The run asked for it while workers were being equipped.
            return beginPhase(now)
        }
        var directives: [Directive] = []
        for place in outstanding.indices {
            directives += deal(place)
        }
        if outstanding.isEmpty {
            if wantsState, let agreed {
                directives += fetchState(agreed.step, now)
            } else {
                gotOn()
            }
        }
        return directives
    }

    /// The run gets on: whatever troubled it is over.
    mutating func gotOn() {
        trouble = nil
        fruitlessGenerations = 0
    }
}
