//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A connection between a worker and the coordinator: an ordered queue of messages each way.
struct ControlLink {
    struct Direction {
        /// No message arrives before the one ahead of it.
        var last: UInt64 = 0
        /// Messages on their way.
        var count = 0
    }

    let worker: Int
    let process: Int
    let coordinator: Int
    var isOpenAtWorker = true
    var isOpenAtCoordinator = true
    /// Nothing gets through any more.
    var isCut = false
    /// What is sent before then arrives after it.
    var heldUntil: UInt64 = 0
    var toCoordinator = Direction()
    var toWorker = Direction()
}

extension Rehearsal {
    /// How long a message takes.
    func delay() -> UInt64 {
        if draws.chance(scenario.slowMessages) { return draws.milliseconds(20...900) }
        return draws.microseconds(50...scenario.usualDelay)
    }

    private func arrival(_ direction: inout ControlLink.Direction, heldUntil: UInt64) -> UInt64 {
        let time = max(max(now, heldUntil) + delay(), direction.last + 1)
        direction.last = time
        return time
    }

    func send(_ message: WorkerMessage, over link: Int) {
        guard links[link].isOpenAtWorker, !links[link].isCut else { return }
        let time = arrival(&links[link].toCoordinator, heldUntil: links[link].heldUntil)
        links[link].toCoordinator.count += 1
        checkLink(link)
        queue.push(.toCoordinator(link: link, message), at: time)
    }

    func send(_ message: CoordinatorMessage, over link: Int) {
        guard links[link].isOpenAtCoordinator, !links[link].isCut else { return }
        let time = arrival(&links[link].toWorker, heldUntil: links[link].heldUntil)
        links[link].toWorker.count += 1
        checkLink(link)
        queue.push(.toWorker(link: link, message), at: time)
    }

    /// The worker's end is closed; the other end learns of it behind everything that was sent.
    /// - Parameter isSilent: The host is gone, and the other end learns nothing.
    func closeAtWorker(_ link: Int, isSilent: Bool = false) {
        guard links[link].isOpenAtWorker else { return }
        links[link].isOpenAtWorker = false
        guard !links[link].isCut, !isSilent else { return }
        let time = arrival(&links[link].toCoordinator, heldUntil: links[link].heldUntil)
        queue.push(.closedAtCoordinator(link: link), at: time)
    }

    func closeAtCoordinator(_ link: Int, isSilent: Bool = false) {
        guard links[link].isOpenAtCoordinator else { return }
        links[link].isOpenAtCoordinator = false
        guard !links[link].isCut, !isSilent else { return }
        let time = arrival(&links[link].toWorker, heldUntil: links[link].heldUntil)
        queue.push(.closedAtWorker(link: link), at: time)
    }

    /// Nothing gets through any more; each end learns of it at its own time, or by silence alone.
    func cut(_ link: Int) {
        guard !links[link].isCut else { return }
        links[link].isCut = true
        if draws.chance(600) { queue.push(.closedAtCoordinator(link: link), at: now + draws.milliseconds(0...4000)) }
        if draws.chance(600) { queue.push(.closedAtWorker(link: link), at: now + draws.milliseconds(0...4000)) }
    }

    private func arriveAtCoordinator(_ link: Int) -> Bool {
        links[link].toCoordinator.count -= 1
        return !links[link].isCut && links[link].isOpenAtCoordinator && coordinator?.number == links[link].coordinator
    }

    func arriveAtCoordinator(_ link: Int, _ message: WorkerMessage) {
        if let until = frozenCoordinator(links[link].coordinator) {
            queue.push(.toCoordinator(link: link, message), at: until)
            return
        }
        guard arriveAtCoordinator(link) else { return }
        takeMessage(message, from: link)
    }

    func arriveAtWorker(_ link: Int, _ message: CoordinatorMessage) {
        let worker = links[link].worker
        if workers[worker].process == links[link].process, workers[worker].frozenUntil > now {
            queue.push(.toWorker(link: link, message), at: workers[worker].frozenUntil)
            return
        }
        links[link].toWorker.count -= 1
        guard !links[link].isCut, links[link].isOpenAtWorker, workers[worker].link == link else { return }
        takeMessage(message, worker: worker)
    }

    func coordinatorNoticesClose(_ link: Int) {
        if let until = frozenCoordinator(links[link].coordinator) {
            queue.push(.closedAtCoordinator(link: link), at: until)
            return
        }
        guard links[link].isOpenAtCoordinator, coordinator?.number == links[link].coordinator else { return }
        links[link].isOpenAtCoordinator = false
        disconnected(link)
    }

    func workerNoticesClose(_ link: Int) {
        let worker = links[link].worker
        if workers[worker].process == links[link].process, workers[worker].frozenUntil > now {
            queue.push(.closedAtWorker(link: link), at: workers[worker].frozenUntil)
            return
        }
        guard links[link].isOpenAtWorker else { return }
        links[link].isOpenAtWorker = false
        if workers[worker].link == link { leave(worker, "the connection is closed") }
    }

    /// Until when the coordinator stands still, if it does.
    func frozenCoordinator(_ number: Int) -> UInt64? {
        guard let coordinator, coordinator.number == number, coordinator.frozenUntil > now else { return nil }
        return coordinator.frozenUntil
    }
}
