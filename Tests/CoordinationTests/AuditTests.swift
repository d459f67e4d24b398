//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

@Suite("Audits of shards")
struct AuditTests {
    private struct Audit: Hashable {
        let shard: Int
        let owner: String
        let auditor: String
    }

    /// A run of which `ratio` of the shards are audited, in its first phase.
    private func state(workers: Int, ratio: Double) -> CoordinatorState {
        var state = CoordinatorState(
            requirements: requirements(workers, minimum: 1), deadlines: deadlines, auditRatio: ratio, startedAt: 0)
        _ = state.join(Array(0..<workers))
        _ = state.linkUp()
        _ = state.takeUpPhase()
        return state
    }

    private func audits(_ directives: [CoordinatorState.Directive]) -> [Audit] {
        directives.compactMap {
            guard case .audit(_, let shard, let owner, let auditor) = $0 else { return nil }
            return Audit(shard: shard, owner: owner, auditor: auditor)
        }
    }

    /// Everyone reports a step; `wrong` has other sums of every shard that it looks at.
    /// - Parameter reporting: Who reports; everyone unless given.
    private func finish(
        _ number: Int, _ audits: [Audit], wrong: Int? = nil, reporting: [Int]? = nil,
        in state: inout CoordinatorState
    ) -> [CoordinatorState.Directive] {
        let generation = state.roster?.generation ?? 0
        let reporting = reporting.map { $0.map(name) }
        let members = (state.roster?.members ?? []).filter { reporting?.contains($0.name) ?? true }
        return members.flatMap { member in
            var report = report(number, generation: generation)
            for audit in audits where audit.owner == member.name || audit.auditor == member.name {
                report.audits[audit.shard] = digest(member.name == wrong.map(name) ? 99 : 7)
            }
            return state.handle(.collectiveReported(worker: member.name, report: report), at: 5)
        }
    }

    @Test("every audited shard is computed by its owner and one other; none is audited where there is nobody else")
    func twoWorkers() {
        for workers in 1...5 {
            var state = state(workers: workers, ratio: 1)
            let directives = state.handle(.workRequested(step(1)), at: 1)
            let audits = audits(directives)
            #expect(audits.map(\.shard) == (workers == 1 ? [] : [0, 1, 2, 3]))
            for audit in audits {
                #expect(audit.owner != audit.auditor)
                #expect(directives.assigned[1]?[audit.owner]?.contains(audit.shard) == true)
            }
            #expect(finish(1, audits, in: &state).done == [1])
        }
    }

    @Test("the share of audited shards is the one that was asked for")
    func share() {
        var state = state(workers: 3, ratio: 0.25)
        var count = 0
        for number in 1...100 {
            let directives = state.handle(.workRequested(step(number, shards: [Int](repeating: 5, count: 40))), at: 1)
            count += audits(directives).count
            _ = finish(number, audits(directives), in: &state)
        }
        // 4,000 draws: five standard deviations to either side of 1,000.
        #expect((863...1137).contains(count))
    }

    @Test("two that differ are named and the run goes back to its last checkpoint; one that differs again is out")
    func culprit() throws {
        var state = state(workers: 3, ratio: 1)
        var first = audits(state.handle(.workRequested(step(1)), at: 1))
        var directives = finish(1, first, wrong: 1, in: &state)
        let pair = try #require(directives.deviating)
        #expect(pair.count == 2 && pair.contains("worker-1"))
        #expect(directives.done == [])
        var suspects = Set(pair)
        // Begins again until somebody has differed from two others.
        for _ in 0..<10 where state.roster != nil {
            let generation = state.roster?.generation ?? 0
            let members = (state.roster?.members ?? []).compactMap { Int($0.name.dropFirst("worker-".count)) }
            directives = members.flatMap { state.halt($0, generation: generation, step: 1) }
            #expect(directives.lostState != nil)
            _ = state.linkUp()
            _ = state.takeUpPhase()
            first = audits(state.handle(.workRequested(step(1)), at: 1))
            directives = finish(1, first, wrong: 1, in: &state)
            if let failure = directives.failure {
                // The same two again: nobody can say which of them it is.
                #expect(failure.code == .desynchronised && failure.workers.contains("worker-1"))
                return
            }
            suspects.formUnion(directives.deviating ?? [])
            if directives.dismissed == ["worker-1"] { break }
        }
        #expect(directives.dismissed == ["worker-1"])
        #expect(state.join([1], incarnation: 9, at: 9).refusal?.code == .distrusted)
    }

    @Test("wrong sums in the last answer before a new generation: the state is given up with whoever made them")
    func lastAnswer() {
        // Who audits whom follows from the generation: until worker-1 differs from one, then from the other.
        for earlierGenerations in 0..<8 {
            var state = state(workers: 3, ratio: 1)
            func fenceAndHalt(_ workers: [Int]) {
                let generation = state.roster?.generation ?? 0
                _ = state.handle(
                    .failureReported(worker: "worker-0", trouble: .network(unlinked: []), message: "reset"), at: 5)
                for worker in workers { _ = state.halt(worker, generation: generation, step: 0, at: 5) }
            }
            for _ in 0..<earlierGenerations {
                fenceAndHalt([0, 1, 2])
                _ = state.handle(.clockTicked, at: 6 * second)
                _ = state.linkUp()
            }
            for _ in 0..<2 {
                let generation = state.roster?.generation ?? 0
                let audits = audits(state.handle(.workRequested(step(1)), at: 5))
                _ = finish(1, audits, wrong: 1, reporting: [0, 2], in: &state)
                fenceAndHalt([0, 2])
                let last = finish(1, audits, wrong: 1, reporting: [1], in: &state)
                if last.dismissed == ["worker-1"] {
                    #expect(last.lostState != nil)
                    #expect(last.rosters.first?.members.map(\.name) == ["worker-0", "worker-2"])
                    return
                }
                _ = state.halt(1, generation: generation, step: 0, at: 5)
                _ = state.linkUp()
                _ = state.takeUpPhase()
            }
        }
        Issue.record("worker-1 never differed from two others")
    }

    @Test("a digest that was asked for and does not come is a difference")
    func missing() {
        var state = state(workers: 2, ratio: 1)
        let directives = state.handle(.workRequested(step(1)), at: 1)
        let onlyOne = audits(directives).map { Audit(shard: $0.shard, owner: $0.owner, auditor: "nobody") }
        #expect(finish(1, onlyOne, in: &state).deviating == ["worker-0", "worker-1"])
    }
}
