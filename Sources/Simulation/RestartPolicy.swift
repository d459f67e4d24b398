//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Whether a worker whose process ended is started again, and after which pause: a value without a clock.
///
/// One that keeps failing soon after its start is set aside for longer each time, a minute at most, and never for good
/// before its restarts are used up.
package struct RestartPolicy: Sendable, Hashable {
    /// How often one worker is started again.
    package let limit: Int
    private var restarts: [String: Int] = [:]
    /// Ends in a row that came soon after the start.
    private var quickEnds: [String: Int] = [:]

    /// A worker that lived this long is sound.
    private static let soundTime = Duration.seconds(10)
    private static let firstPause = Duration.milliseconds(200)
    private static let longestPause = Duration.seconds(60)

    package init(limit: Int) {
        self.limit = limit
    }

    /// The process of `worker` ended by itself, `lifetime` after its start.
    /// - Returns: The pause before it is started again; nil if it is not.
    package mutating func pause(afterEndOf worker: String, lifetime: Duration) -> Duration? {
        let count = restarts[worker, default: 0]
        guard count < limit else { return nil }
        restarts[worker] = count + 1
        if lifetime >= Self.soundTime {
            quickEnds[worker] = 0
        }
        let quick = quickEnds[worker, default: 0]
        quickEnds[worker] = quick + 1
        return min(Self.firstPause * (1 << min(quick, 20)), Self.longestPause)
    }
}
