//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// One program of a supervisor, as a value: what its end means, without a clock and without processes.
package struct ProgramState: Sendable, Hashable {
    /// What is to be done after an end.
    package enum Verdict: Sendable, Hashable {
        /// It ended as it should.
        case done
        /// To be started again after so many seconds.
        case restart(after: Double)
        /// Not to be started again; why.
        case failed(String)
    }

    /// A process that ran for so long is sound: what failed before is no longer held against it.
    package static let soundSeconds = 300.0
    /// The first wait before a restart; it doubles with each.
    static let firstPause = 1.0
    /// A host that keeps failing is set aside for a while, not for ever.
    package static let longestPause = 60.0

    private let restart: Specification.Program.Restart
    private let maxRestarts: Int
    /// Restarts since the last sound stretch.
    package private(set) var restarts = 0

    /// - Parameter program: Its rules for restarts.
    package init(_ program: Specification.Program) {
        restart = program.restart
        maxRestarts = program.maxRestarts
    }

    /// Takes note of an end.
    /// - Parameters:
    ///   - ranFor: Seconds from the start to the end.
    ///   - saidFarewell: Whether it left its farewell.
    package mutating func ended(_ end: ChildProcess.End, ranFor: Double, saidFarewell: Bool) -> Verdict {
        if saidFarewell || end == .exit(0) { return .done }
        switch end {
        case .exit(let code) where restart == .onSignal: return .failed("exit code \(code)")
        // 2: wrong usage or configuration, 126 and 127: no program. They stay so.
        case .exit(let code) where [2, 126, 127].contains(code): return .failed("exit code \(code)")
        default: break
        }
        if ranFor >= Self.soundSeconds { restarts = 0 }
        guard restarts < maxRestarts else {
            return .failed(maxRestarts == 0 ? "\(end)" : "\(end), after \(restarts) restarts")
        }
        restarts += 1
        var pause = Self.firstPause
        for _ in 1..<restarts where pause < Self.longestPause { pause *= 2 }
        return .restart(after: min(pause, Self.longestPause))
    }
}
