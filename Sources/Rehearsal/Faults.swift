//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

// What goes wrong, to whom, and how it ends.
extension Rehearsal {
    /// Causes a fault, mostly to whom the present event is about: that is where something is going on.
    func causeFault(near event: Happening) {
        guard let fault = draws.pick(scenario.kinds) else { return }
        let worker = draws.chance(600) ? subject(of: event) ?? anyWorker() : anyWorker()
        guard cause(fault, worker) else { return }
        scenario.faultBudget -= 1
        faultCount += 1
        note("FAULT \(fault) near \(workers[worker].name)")
    }

    private func anyWorker() -> Int { draws.below(workers.count) }

    private func subject(of event: Happening) -> Int? {
        switch event {
        case .toCoordinator(let link, _), .toWorker(let link, _), .closedAtCoordinator(let link),
            .closedAtWorker(let link):
            links[link].worker
        case .engine(let worker, _, _), .connect(let worker, _), .processEnded(let worker): worker
        default: nil
        }
    }

    private func cause(_ fault: Fault, _ worker: Int) -> Bool {
        let isAlive = workers[worker].isAlive
        switch fault {
        case .killWorker:
            guard isAlive else { return false }
            kill(worker)
        case .freezeWorker:
            // While it stands still it cannot be stopped again: what waits for it keeps its order.
            guard isAlive, workers[worker].frozenUntil <= now else { return false }
            workers[worker].frozenUntil = now + draws.milliseconds(draws.chance(500) ? 10...1000 : 1000...12_000)
        case .cutControl:
            guard let link = workers[worker].link else { return false }
            cut(link)
        case .holdControl:
            guard let link = workers[worker].link else { return false }
            links[link].heldUntil = now + draws.milliseconds(10...5000)
        case .isolateWorker: isolate(worker)
        case .breakDataLink: return breakDataLink(worker)
        case .partitionPair: partition(worker)
        case .partForGood: return partForGood(worker)
        case .joinUnreachable: return joinUnreachable()
        case .slowWorker:
            workers[worker].slowness = draws.number(2...20)
            queue.push(.fullSpeed(worker: worker), at: now + draws.milliseconds(500...20_000))
        case .ownTrouble: return ownTrouble(worker)
        case .miscount: workers[worker].miscounts = true
        case .joinLate:
            guard let late = workers.firstIndex(where: { !$0.isAlive && $0.process == 0 }) else { return false }
            startWorker(late)
        case .killCoordinator: return killCoordinator()
        case .freezeCoordinator:
            guard let coordinator, coordinator.frozenUntil <= now else { return false }
            self.coordinator?.frozenUntil = now + draws.milliseconds(draws.chance(500) ? 10...1000 : 1000...12_000)
        case .corruption: workers[worker].corrupts = true
        case .strangeBuild: workers[worker].isStrange = true
        }
        return true
    }

    private func kill(_ worker: Int) {
        // A host that vanishes says nothing; a process that ends has its connections reset.
        let isSilent = draws.chance(300)
        if let link = workers[worker].link { closeAtWorker(link, isSilent: isSilent) }
        leaveData(worker, isSilent: isSilent)
        workers[worker].isAlive = false
        workers[worker].link = nil
        workers[worker].frozenUntil = 0
        workers[worker].engine.task += 1
        var again = now
        if scenario.isSupervised {
            again += draws.milliseconds(1...50)
            queue.push(.processEnded(worker: worker), at: again)
        }
        again += draws.milliseconds(draws.chance(500) ? 1...300 : 300...10_000)
        queue.push(.startWorker(worker: worker), at: again)
    }

    /// A host that nobody reaches for a while.
    private func isolate(_ worker: Int) {
        let until = now + draws.milliseconds(100...8000)
        let me: UInt32 = 1 << UInt32(worker)
        partitions.append((me, until))
        if let link = workers[worker].link { cut(link) }
        if let key = workers[worker].engine.generation, let data = generations[key] {
            for other in data.members where other != worker {
                breakLink(worker, other, key, noticed: draws.chance(500))
                partitions.append((me | 1 << UInt32(other), until))
            }
        }
        queue.push(.healed(me), at: until)
    }

    func isIsolated(_ worker: Int) -> Bool {
        partitions.contains { $0.pair == 1 << UInt32(worker) && $0.until > now }
    }

    private func breakDataLink(_ worker: Int) -> Bool {
        guard let key = workers[worker].engine.generation, let data = generations[key],
            let other = draws.pick(data.members.filter { $0 != worker })
        else { return false }
        breakLink(worker, other, key, noticed: draws.chance(800))
        return true
    }

    private func partition(_ worker: Int) {
        let other = (worker + 1 + draws.below(max(1, workers.count - 1))) % workers.count
        let pair: UInt32 = 1 << UInt32(worker) | 1 << UInt32(other)
        let until = now + draws.milliseconds(100...15_000)
        partitions.append((pair, until))
        if other != worker, let key = workers[worker].engine.generation, workers[other].engine.generation == key {
            breakLink(worker, other, key, noticed: draws.chance(500))
        }
        queue.push(.healed(pair), at: until)
    }

    /// Two of those whom the run started with never reach each other again; the run may go on without one of them.
    private func partForGood(_ worker: Int) -> Bool {
        guard scenario.minimum < scenario.world, !havePartedForGood, worker < scenario.world,
            let other = draws.pick((0..<scenario.world).filter { $0 != worker })
        else { return false }
        havePartedForGood = true
        part(worker, other)
        return true
    }

    private func part(_ worker: Int, _ other: Int) {
        partitions.append((1 << UInt32(worker) | 1 << UInt32(other), .max))
        if let key = workers[worker].engine.generation, workers[other].engine.generation == key {
            breakLink(worker, other, key, noticed: draws.chance(500))
        }
    }

    /// A latecomer asks to join that some of the others, or all of them, never reach.
    private func joinUnreachable() -> Bool {
        let spare = workers.indices.dropFirst(scenario.world)
        guard let late = spare.first(where: { !workers[$0].isAlive && workers[$0].process == 0 }) else { return false }
        let isForAll = draws.chance(500)
        for other in workers.indices where other != late && (isForAll || draws.chance(400)) {
            part(late, other)
        }
        startWorker(late)
        return true
    }

    /// Memory or disk are used up: the process goes on, the work does not.
    private func ownTrouble(_ worker: Int) -> Bool {
        guard let link = workers[worker].link, workers[worker].isWelcome else { return false }
        switch workers[worker].engine.work {
        case .computing, .exchanging, .takingPhase: break
        case .idle, .forming, .sendingState, .halting: return false
        }
        send(.failure(.itsOwn), over: link)
        workers[worker].engine.task += 1
        workers[worker].engine.work = .idle
        leaveData(worker, isSilent: false)
        handle(.ended(.failed), worker)
        return true
    }

    private func killCoordinator() -> Bool {
        guard let number = coordinator?.number else { return false }
        coordinator = nil
        let isSilent = draws.chance(200)
        for link in links.indices where links[link].coordinator == number {
            closeAtCoordinator(link, isSilent: isSilent)
        }
        disk.crash(&draws, losingLine: scenario.mutation == .lostJournalLine)
        queue.push(.startCoordinator, at: now + draws.milliseconds(draws.chance(500) ? 1...500 : 500...10_000))
        return true
    }

    /// From here on nothing goes wrong any more; what is broken mends by its own time.
    func stopFaults() {
        faultsHaveStopped = true
        note("faults have stopped")
    }
}
