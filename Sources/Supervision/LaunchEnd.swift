//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport

/// The end of a run by somebody else than its launcher.
package struct LaunchEnd {
    private let registry: LaunchRegistry
    private let record: LaunchRecord

    package init(_ registry: LaunchRegistry, _ record: LaunchRecord) {
        self.registry = registry
        self.record = record
    }

    /// Ends the coordinator, then the hosts' processes.
    /// - Parameter graceful: Seconds that the run has to save its state; nil to end it at once.
    /// - Returns: Where something may be left, and why.
    /// - Throws: `.file`, `.timedOut` where the coordinator does not end.
    package func run(graceful: Double?, console: @escaping @Sendable (String) -> Void) throws -> [String] {
        let force = Interruption()
        if graceful == nil { force.request() }
        let ending = Ending(links: record.links(), force: force, console: console, graceful: graceful ?? 0)
        if record.coordinator.exists {
            ending.coordinatorMayRun()
            ending.endCoordinator(record.coordinator, graceful: graceful != nil)
        }
        let problems = ending.endHosts()
        if problems.isEmpty {
            var ended = record
            ended.hasEnded = true
            try registry.write(ended)
        }
        return problems
    }
}
