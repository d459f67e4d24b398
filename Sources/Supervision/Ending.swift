//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Synchronization

/// The end of a launch: first the coordinator, which saves the state with its workers' help, then the hosts.
final class Ending: Sendable {
    private let links: [HostLink]
    private let force: Interruption
    private let console: @Sendable (String) -> Void
    private let graceful: Double
    private let mayRun = Atomic(false)

    /// Seconds that a worker has; it has nothing to save.
    private static let hostGrace = 5.0
    /// Seconds for which a host that is out of reach is tried.
    private static let patience = 30.0

    /// - Parameter graceful: Seconds that the coordinator has to save the state.
    init(links: [HostLink], force: Interruption, console: @escaping @Sendable (String) -> Void, graceful: Double) {
        self.links = links
        self.force = force
        self.console = console
        self.graceful = graceful
    }

    /// From now on there may be a coordinator.
    func coordinatorMayRun() { mayRun.store(true, ordering: .sequentiallyConsistent) }

    /// Ends the coordinator and its supervisor.
    func endCoordinator(_ folder: StateFolder, graceful isGraceful: Bool) {
        guard mayRun.load(ordering: .sequentiallyConsistent) else { return }
        do {
            if isGraceful, !force.isRequested {
                // Told first, waited for then, so that a user in a hurry can shorten it.
                try folder.locked {
                    if folder.ending == nil { try folder.declareEnding(grace: graceful) }
                }
                let deadline = Deadline.after(.seconds(graceful + 20))
                while folder.supervisor?.isAlive == true, !force.isRequested, !deadline.hasPassed {
                    ProcessTable.pause(milliseconds: 20)
                }
            }
            try HostCommands.end(folder, grace: 0)
        } catch {
            console("the coordinator: \(error)")
        }
    }

    /// Ends what was started on the hosts, all at once.
    /// - Returns: Where that did not work, and why.
    func endHosts() -> [String] {
        let problems = Mutex<[Int: String]>([:])
        let shared = Shared()
        do {
            try HostThreads.forEach(links.count) { [links, force] place in
                let grace = force.isRequested ? 0 : Self.hostGrace
                let patience = links[place].failure == nil ? Self.patience : 0
                if let problem = links[place].end(grace: grace, patience: patience) {
                    shared.problems.withLock { $0[place] = "\(links[place].label): \(problem)" }
                }
            }
        } catch {
            problems.withLock { $0[-1] = "\(error)" }
        }
        let all = shared.problems.withLock { $0 }.merging(problems.withLock { $0 }) { first, _ in first }
        return all.sorted { $0.key < $1.key }.map(\.value)
    }

    private final class Shared: Sendable {
        let problems = Mutex<[Int: String]>([:])
    }
}
