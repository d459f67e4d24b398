//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the progress line shows: a pure function of figures.
package struct ProgressLine: Sendable, Hashable {
    /// What is going on: "probe", "fine-tune", "evaluate".
    package var phase: String
    /// Steps done and of all.
    package var step: Int
    package var stepCount: Int
    /// Nil before the first.
    package var loss: Double?
    package var tokensPerSecond: Double?
    package var secondsLeft: Double?

    package init(
        phase: String, step: Int, stepCount: Int, loss: Double? = nil, tokensPerSecond: Double? = nil,
        secondsLeft: Double? = nil
    ) {
        self.phase = phase
        self.step = step
        self.stepCount = stepCount
        self.loss = loss
        self.tokensPerSecond = tokensPerSecond
        self.secondsLeft = secondsLeft
    }

    /// The line, cut to a terminal's width: `fine-tune  120/804  loss 0.5731  2.9k tokens/s  1:05 left`.
    ///
    /// - Parameter width: columns; parts that do not fit are left out from the right.
    package func text(width: Int = 120) -> String {
        var parts = ["\(phase)", "\(step)/\(stepCount)"]
        if let loss {
            parts.append("loss \(Self.fixed(loss, decimals: 4))")
        }
        if let tokensPerSecond {
            parts.append("\(Self.rate(tokensPerSecond)) tokens/s")
        }
        if let secondsLeft {
            parts.append("\(DurationText.clock(seconds: secondsLeft)) left")
        }
        var line = ""
        for part in parts {
            let longer = line.isEmpty ? part : line + "  " + part
            if longer.count > width {
                break
            }
            line = longer
        }
        return line
    }

    /// A number with a fixed count of decimals.
    static func fixed(_ number: Double, decimals: Int) -> String {
        guard number.isFinite, abs(number) < 1e12 else {
            return String(number)
        }
        let scale = (0..<decimals).reduce(1) { power, _ in power * 10 }
        let scaled = Int((abs(number) * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        let sign = number < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else {
            return sign + String(scaled)
        }
        return sign + String(scaled / scale) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// A rate in three significant places or so: 950, 2.9k, 31k, 1.2M.
    private static func rate(_ number: Double) -> String {
        switch number {
        case ..<999.5: fixed(number, decimals: 0)
        case ..<9_950: fixed(number / 1e3, decimals: 1) + "k"
        case ..<999_500: fixed(number / 1e3, decimals: 0) + "k"
        default: fixed(number / 1e6, decimals: 1) + "M"
        }
    }
}

/// Spans of time for people.
package enum DurationText {
    /// `0:09`, `12:34`, `1:02:03`; whole seconds, rounded.
    package static func clock(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else {
            return "?"
        }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
    }

    /// `0.25 s`, `9.1 s`, `3 min 20 s`, `2 h 5 min`.
    package static func words(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else {
            return "?"
        }
        switch seconds {
        case ..<0.995: return ProgressLine.fixed(seconds, decimals: 2) + " s"
        case ..<59.95: return ProgressLine.fixed(seconds, decimals: 1) + " s"
        case ..<3599.5:
            let whole = Int(seconds.rounded())
            return "\(whole / 60) min \(whole % 60) s"
        default:
            let minutes = Int((seconds / 60).rounded())
            return "\(minutes / 60) h \(minutes % 60) min"
        }
    }
}
