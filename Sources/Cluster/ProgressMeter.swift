//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Speed and loss as the progress line shows them: means over the last steps, so that they are calm and yet follow.
package struct ProgressMeter {
    /// How many steps are looked back on.
    private static let window = 20

    private var times: [Double] = []
    private var tokens: [Int] = []
    private var losses: [Double] = []

    package init() {}

    /// Takes a committed step.
    /// - Parameter seconds: The time now, on a monotonic clock.
    package mutating func observe(tokens count: Int, loss: Double, at seconds: Double) {
        times.append(seconds)
        tokens.append(count)
        losses.append(loss)
        if times.count > Self.window {
            times.removeFirst()
            tokens.removeFirst()
            losses.removeFirst()
        }
    }

    package var loss: Double? { losses.isEmpty ? nil : losses.reduce(0, +) / Double(losses.count) }

    /// Nil before the second step.
    package var tokensPerSecond: Double? {
        guard let span else { return nil }
        // The first step's tokens were computed before the first time was taken.
        return Double(tokens.dropFirst().reduce(0, +)) / span
    }

    package func secondsLeft(_ steps: Int) -> Double? {
        span.map { $0 / Double(times.count - 1) * Double(max(0, steps)) }
    }

    private var span: Double? {
        guard let first = times.first, let last = times.last, last > first else { return nil }
        return last - first
    }
}
