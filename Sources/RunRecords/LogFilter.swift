//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which records are asked for.
package struct LogFilter: Sendable {
    /// The least level.
    package var level: LogLevel
    /// Only these processes' records; empty for all.
    package var workers: Set<String>
    /// Only records from this time on, in nanoseconds since 1970.
    package var since: Int?

    package init(level: LogLevel = .trace, workers: Set<String> = [], since: Int? = nil) {
        self.level = level
        self.workers = workers
        self.since = since
    }

    package func admits(_ record: LogRecord) -> Bool {
        record.level >= level && (workers.isEmpty || workers.contains(record.worker))
            && since.map { record.wallNanoseconds >= $0 } != false
    }

    /// The level that a word stands for: a level's name, or `warn` as others call it.
    package static func level(_ word: String) -> LogLevel? {
        word == "warn" ? .warning : LogLevel(rawValue: word)
    }

    /// The time that `--since` names: so long ago (`90s`, `5m`, `2h`, `1d`), or a time as the records have it.
    /// - Parameter now: nanoseconds since 1970.
    package static func time(_ text: String, now: Int) -> Int? {
        if let time = Timestamp.nanoseconds(of: text) { return time }
        let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[String($0)] }), let count = Double(text.dropLast()),
            count.isFinite, count >= 0, count * Double(unit) < 1e9
        else { return nil }
        return now - Int(count * Double(unit) * 1e9)
    }
}
