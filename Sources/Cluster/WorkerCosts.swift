//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Synchronization

/// Who computed how much how fast, and for whom the others waited: a value made from the reports of steps.
package struct WorkerCosts: Sendable, Hashable {
    /// What one worker's part came to.
    ///
    /// Times are in seconds of the steps and passes that all workers do together.
    package struct Part: Sendable, Hashable {
        package var steps = 0
        package var shards = 0
        package var tokens = 0
        /// From the assignment to its last shard.
        package var computing = 0.0
        /// In the exchange of sums, waiting for slower ones included.
        package var exchanging = 0.0
        /// Steps that it was the last one to compute.
        package var timesLast = 0
        /// What the others, together, waited for it in those steps.
        package var heldUpOthers = 0.0

        /// Tokens a second while it computed.
        package var speed: Double { computing > 0 ? Double(tokens) / computing : 0 }
    }

    package private(set) var parts: [String: Part] = [:]
    /// Of each piece of work that is not done: who computed how long.
    private var open: [UInt64: [String: Double]] = [:]

    package init() {}

    /// A worker has reported its part of a piece of work.
    package mutating func report(
        _ worker: String, work: UInt64, shards: Int, tokens: Int, computing: Double, exchanging: Double
    ) {
        parts[worker, default: Part()].steps += 1
        parts[worker, default: Part()].shards += shards
        parts[worker, default: Part()].tokens += tokens
        parts[worker, default: Part()].computing += computing
        parts[worker, default: Part()].exchanging += exchanging
        open[work, default: [:]][worker] = computing
        // What was interrupted may never be done: a run has a few pieces open at a time.
        if open.count > 64, let oldest = open.keys.min() { open[oldest] = nil }
    }

    /// A piece of work is done.
    package mutating func done(_ work: UInt64) {
        guard let times = open.removeValue(forKey: work), times.count > 1,
            let last = times.max(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        else { return }
        parts[last.key, default: Part()].timesLast += 1
        parts[last.key, default: Part()].heldUpOthers += times.values.reduce(0) { $0 + last.value - $1 }
    }

    /// A table with a line a worker, the fastest first; empty if nobody reported anything.
    package var lines: [String] {
        guard !parts.isEmpty else { return [] }
        let tokens = parts.values.reduce(0) { $0 + $1.tokens }
        let rows = parts.sorted { (-$0.value.speed, $0.key) < (-$1.value.speed, $1.key) }.map { name, part in
            [
                name, String(part.shards), String(part.tokens),
                Self.text(tokens > 0 ? 100 * Double(part.tokens) / Double(tokens) : 0) + " %",
                Self.text(part.speed), Self.text(part.computing) + " s", Self.text(part.exchanging) + " s",
                "\(part.timesLast)x, \(Self.text(part.heldUpOthers)) s",
            ]
        }
        let head = ["worker", "shards", "tokens", "share", "tokens/s", "computing", "exchange", "others waited for it"]
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            "  "
                + row.enumerated().map { column, cell in
                    let gap = String(repeating: " ", count: widths[column] - cell.count)
                    return column == 0 ? cell + gap : gap + cell
                }.joined(separator: "  ")
        }
    }

    private static func text(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// The costs of a run while it goes on: the network's thread writes them, the training's thread reads them at the end.
package final class RunningCosts: Sendable {
    private let costs = Mutex(WorkerCosts())

    package init() {}

    package func update(_ change: (inout WorkerCosts) -> Void) {
        costs.withLock { change(&$0) }
    }

    package var all: WorkerCosts { costs.withLock { $0 } }
}
