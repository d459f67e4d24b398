//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Lines of many workers for a terminal: equal ones of several workers become one, `worker-0..worker-6: text`.
///
/// A line waits a moment for the others that say the same. A value without a clock: times come in, lines go out.
package struct EqualLines: Sendable {
    private struct Waiting: Sendable {
        let text: String
        var workers: [String]
        let due: Int
    }

    /// How many different lines may wait.
    private static let limit = 64
    private let patience: Int
    private var waiting: [Waiting] = []

    /// - Parameter patience: How long a line waits for equal ones, in nanoseconds.
    package init(patience: Int = 500_000_000) {
        self.patience = patience
    }

    /// Takes a worker's line.
    /// - Parameter now: a clock that never goes back, in nanoseconds.
    /// - Returns: The lines that are to be shown now.
    package mutating func take(_ text: String, of worker: String, at now: Int) -> [String] {
        // A worker that says the same twice is shown twice.
        if let place = waiting.firstIndex(where: { $0.text == text && !$0.workers.contains(worker) }) {
            waiting[place].workers.append(worker)
        } else {
            waiting.append(Waiting(text: text, workers: [worker], due: now + patience))
        }
        return due(at: now)
    }

    /// The lines that have waited long enough, and the oldest where too many wait.
    package mutating func due(at now: Int) -> [String] {
        let overdue = waiting.prefix { $0.due <= now }.count
        return release(max(overdue, waiting.count - Self.limit))
    }

    /// All lines that wait.
    package mutating func flush() -> [String] {
        release(waiting.count)
    }

    /// Lines of workers, equal ones folded, in the order in which each was first said.
    package static func folded(_ lines: [(worker: String, text: String)]) -> [String] {
        var folding = EqualLines()
        return lines.flatMap { folding.take($0.text, of: $0.worker, at: 0) } + folding.flush()
    }

    private mutating func release(_ count: Int) -> [String] {
        guard count > 0 else { return [] }
        defer { waiting.removeFirst(count) }
        return waiting.prefix(count).map { "\(WorkerNames.text($0.workers)): \($0.text)" }
    }
}

/// Names of workers for people.
package enum WorkerNames {
    /// The most parts that are spelled out.
    private static let limit = 4

    /// Names in short: those that differ by a running number as a range, `worker-0..worker-3, worker-7`.
    package static func text(_ names: [String]) -> String {
        let numbered = Set(names).map { name -> (stem: String, number: Int?, name: String) in
            let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
            let text = name.suffix(digits)
            // A number with a zero in front would be spelled otherwise.
            guard let number = Int(text), String(number) == text else { return (name, nil, name) }
            return (String(name.dropLast(digits)), number, name)
        }.sorted { ($0.stem, $0.number ?? -1, $0.name) < ($1.stem, $1.number ?? -1, $1.name) }
        var parts: [(first: String, last: String, stem: String, end: Int?, count: Int)] = []
        for item in numbered {
            if let last = parts.last, last.stem == item.stem, let end = last.end, item.number == end + 1 {
                parts[parts.count - 1] = (last.first, item.name, item.stem, item.number, last.count + 1)
            } else {
                parts.append((item.name, item.name, item.stem, item.number, 1))
            }
        }
        let shown = parts.prefix(limit).map { part in
            switch part.count {
            case 1: part.first
            case 2: "\(part.first), \(part.last)"
            default: "\(part.first)..\(part.last)"
            }
        }
        let rest = parts.dropFirst(limit).reduce(0) { $0 + $1.count }
        return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}
