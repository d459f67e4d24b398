//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which data links: those of one generation of one coordinator.
struct DataKey: Hashable {
    var coordinator: Int
    var generation: UInt32
}

/// The data links of one generation, and the all-reduces that go over them.
///
/// An all-reduce is done at a member once all members have contributed and their data has come through to it: each
/// member is done at its own time, and some may be done when others never will be.
struct DataGeneration {
    struct Exchange {
        /// Members whose sums are in, by place in the roster.
        var contributed: UInt32 = 0
        var sum: UInt64 = 0
        /// How often each shard was counted.
        var lanes: [UInt8]
        /// The generations that the contributions were made in.
        var generations: Set<UInt32> = []
        /// Members whom some of the data does not reach any more.
        var unreachable: UInt32 = 0
    }

    /// Worker indices in the roster's order.
    let members: [Int]
    var started: UInt32 = 0
    /// Members that have closed their links.
    var left: UInt32 = 0
    /// Members that a link of theirs is broken for.
    var broken: UInt32 = 0
    var exchanges: [UInt64: Exchange] = [:]

    var everyone: UInt32 { (1 << UInt32(members.count)) - 1 }

    func bit(_ worker: Int) -> UInt32 {
        members.firstIndex(of: worker).map { 1 << UInt32($0) } ?? 0
    }
}

extension Rehearsal {
    private static let formingTime: UInt64 = 6_000_000_000

    // MARK: Forming

    func startForming(_ worker: Int, _ key: DataKey, members: [Int]) {
        var data = generations[key] ?? DataGeneration(members: members)
        data.started |= data.bit(worker)
        generations[key] = data
        let isDead = data.left != 0
        let task = workers[worker].engine.task
        queue.push(
            .engine(worker: worker, task: task, isDead ? .broken : .linksMissing),
            at: now + (isDead ? draws.milliseconds(1...500) : Self.formingTime))
        completeForming(key)
    }

    /// Everyone whose links all stand is done, whether or not others still wait for theirs.
    private func completeForming(_ key: DataKey) {
        guard let data = generations[key], data.left == 0 else { return }
        for member in data.members {
            guard case .forming = workers[member].engine.work, workers[member].engine.generation == key,
                unlinked(member).isEmpty
            else { continue }
            queue.push(
                .engine(worker: member, task: workers[member].engine.task, .linksFormed),
                at: now + 2 * delay() + draws.microseconds(0...3000))
        }
    }

    /// The places in the roster of those with whom a worker has no link.
    func unlinked(_ worker: Int) -> [Int] {
        guard let key = workers[worker].engine.generation, let data = generations[key] else { return [] }
        return data.members.indices.filter { place in
            let other = data.members[place]
            let bits = data.bit(worker) | data.bit(other)
            return other != worker
                && (data.started & bits != bits || data.left & bits != 0 || isPartitioned(worker, other))
        }
    }

    func linksHeal() {
        partitions.removeAll { $0.until <= now }
        for key in generations.keys.sorted(by: { ($0.coordinator, $0.generation) < ($1.coordinator, $1.generation) }) {
            completeForming(key)
        }
    }

    private func isPartitioned(_ one: Int, _ other: Int) -> Bool {
        let mask: UInt32 = 1 << UInt32(one) | 1 << UInt32(other)
        return partitions.contains { ($0.pair & mask).nonzeroBitCount == 2 }
    }

    // MARK: All-reduce

    /// A member's sums are in.
    func contribute(_ worker: Int, _ assignment: Assignment, lanes: [UInt8], sum: UInt64) {
        guard let key = workers[worker].engine.generation, var data = generations[key] else {
            breaks(.protocolFollowed, "\(workers[worker].name) is given work before it has data links")
            return
        }
        let work = assignment.piece.exchange
        var exchange = data.exchanges[work] ?? .init(lanes: [UInt8](repeating: 0, count: assignment.shardCount))
        let bit = data.bit(worker)
        if exchange.contributed & bit == 0 {
            exchange.contributed |= bit
            exchange.sum &+= sum
            for shard in lanes.indices {
                exchange.lanes[shard] &+= lanes[shard]
            }
        }
        exchange.generations.insert(assignment.generation)
        data.exchanges[work] = exchange
        generations[key] = data
        if data.broken & bit != 0 || data.left != 0 {
            queue.push(
                .engine(worker: worker, task: workers[worker].engine.task, .dataLost),
                at: now + draws.milliseconds(1...300))
        }
        guard exchange.contributed == data.everyone else { return }
        for (place, member) in data.members.enumerated()
        where data.broken >> UInt32(place) & 1 == 0 && data.left >> UInt32(place) & 1 == 0 {
            guard case .exchanging(let theirs) = workers[member].engine.work, theirs.piece.exchange == work else {
                continue
            }
            queue.push(
                .engine(worker: member, task: workers[member].engine.task, .exchanged),
                at: now + 2 * delay() + draws.microseconds(0...scenario.usualDelay))
        }
    }

    // MARK: Trouble

    /// A worker closes its data links, or its process is gone.
    /// - Parameter isSilent: Its host is gone, and the others learn nothing.
    func leaveData(_ worker: Int, isSilent: Bool) {
        guard let key = workers[worker].engine.generation, var data = generations[key] else { return }
        workers[worker].engine.generation = nil
        let bit = data.bit(worker)
        guard data.left & bit == 0 else { return }
        data.left |= bit
        generations[key] = data
        for member in data.members where member != worker {
            interfere(member, key, noticed: !isSilent)
        }
        if data.left == data.everyone { generations[key] = nil }
    }

    /// The link between two workers breaks.
    func breakLink(_ first: Int, _ second: Int, _ key: DataKey, noticed: Bool) {
        guard let data = generations[key] else { return }
        generations[key]?.broken |= data.bit(first) | data.bit(second)
        interfere(first, key, noticed: noticed)
        interfere(second, key, noticed: noticed)
    }

    /// A member's exchange may have all that it needs, or never be done; it learns of that, or waits.
    private func interfere(_ member: Int, _ key: DataKey, noticed: Bool) {
        guard workers[member].engine.generation == key, var data = generations[key] else { return }
        let bit = data.bit(member)
        switch workers[member].engine.work {
        case .exchanging(let assignment):
            if var exchange = data.exchanges[assignment.piece.exchange], draws.chance(500) {
                exchange.unreachable |= bit
                data.exchanges[assignment.piece.exchange] = exchange
                generations[key] = data
            }
        case .forming: break
        case .idle, .takingPhase, .computing, .sendingState, .halting: return
        }
        if noticed {
            queue.push(
                .engine(worker: member, task: workers[member].engine.task, .dataLost),
                at: now + draws.milliseconds(1...800))
        }
    }
}
