//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite("Log records of a run that is under way")
struct LogFollowerTests {
    private static func record(_ worker: String, _ sequence: UInt64, at time: Int) -> LogRecord {
        LogRecord(
            worker: worker, incarnation: 1, sequence: sequence, level: .info, wallNanoseconds: time,
            monotonicNanoseconds: 0, event: "e", message: "m")
    }

    @Test(
        "everything comes out once, nothing of a worker is reordered, and what is not too late is sorted",
        arguments: 0..<60)
    func sorted(seed: UInt64) {
        var generator = Seeded(seed)
        let patience = 1000
        // Some records are later than anybody waits for them.
        let latest = seed % 2 == 0 ? patience - 200 : 5 * patience
        var sent: [(arrival: Int, record: LogRecord)] = []
        for worker in 0..<4 {
            var time = 0
            var arrival = 0
            for sequence in 1...50 {
                time += Int.random(in: 0...200, using: &generator)
                arrival = max(arrival, time + Int.random(in: 0..<latest, using: &generator))
                sent.append((arrival, Self.record("w\(worker)", UInt64(sequence), at: time)))
            }
        }
        sent = sent.enumerated().sorted { ($0.element.arrival, $0.offset) < ($1.element.arrival, $1.offset) }
            .map(\.element)
        var follower = LogFollower(patience: patience)
        var shown: [LogRecord] = []
        var next = 0
        for now in stride(from: 0, through: 40_000, by: 100) {
            let start = next
            while next < sent.count, sent[next].arrival <= now { next += 1 }
            follower.take(sent[start..<next].map(\.record), at: now)
            shown += follower.due(at: now)
        }
        #expect(shown.count == sent.count)
        for worker in 0..<4 {
            #expect(shown.filter { $0.worker == "w\(worker)" }.map(\.sequence) == Array(1...50))
        }
        if latest < patience {
            #expect(shown.map(\.wallNanoseconds) == shown.map(\.wallNanoseconds).sorted())
        }
    }

    @Test("two writers about one worker are put in order by their times, each in its own order")
    func writers() {
        var supervisor = Self.record("w0", 1, at: 10)
        supervisor.origin = .supervisor
        let own = [Self.record("w0", 1, at: 5), Self.record("w0", 2, at: 20)]
        #expect(LogOrder.sorted([supervisor] + own) == [own[0], supervisor, own[1]])
    }
}

@Suite("What is asked of the log")
struct LogFilterTests {
    @Test("level, worker and time")
    func admits() {
        let record = LogRecord(
            worker: "w0", incarnation: 1, sequence: 1, level: .warning, wallNanoseconds: 100, monotonicNanoseconds: 0,
            event: "e", message: "m")
        #expect(LogFilter().admits(record))
        #expect(LogFilter(level: .warning, workers: ["w0"], since: 100).admits(record))
        #expect(!LogFilter(level: .error).admits(record))
        #expect(!LogFilter(workers: ["w1"]).admits(record))
        #expect(!LogFilter(since: 101).admits(record))
        #expect(LogFilter.level("warn") == .warning && LogFilter.level("error") == .error)
        #expect(LogFilter.level("loud") == nil)
    }

    @Test("spans and points of time")
    func times() {
        let now = 1_000_000_000_000_000_000
        #expect(LogFilter.time("90s", now: now) == now - 90_000_000_000)
        #expect(LogFilter.time("5m", now: now) == now - 300_000_000_000)
        #expect(LogFilter.time("1.5h", now: now) == now - 5_400_000_000_000)
        #expect(LogFilter.time("1d", now: now) == now - 86_400_000_000_000)
        #expect(LogFilter.time("1970-01-01T00:00:00.000000001Z", now: now) == 1)
        for text in ["", "m", "5", "-5m", "5 minutes", "nanm", "infs", "1e30d"] {
            #expect(LogFilter.time(text, now: now) == nil, "\(text)")
        }
    }
}
