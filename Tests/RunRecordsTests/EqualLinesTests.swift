//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite("Equal lines of many workers")
struct EqualLinesTests {
    @Test("they are one line, after a moment, and a worker that says it twice is heard twice")
    func folded() {
        var lines = EqualLines(patience: 100)
        var shown: [String] = []
        for worker in [3, 0, 6, 1, 2, 5, 4] {
            shown += lines.take("slow disk", of: "worker-\(worker)", at: 10 + worker)
        }
        shown += lines.take("other", of: "worker-9", at: 20)
        shown += lines.take("slow disk", of: "worker-0", at: 30)
        #expect(shown == [])
        #expect(lines.due(at: 112) == [])
        #expect(lines.due(at: 113) == ["worker-0..worker-6: slow disk"])
        #expect(lines.due(at: 120) == ["worker-9: other"])
        #expect(lines.flush() == ["worker-0: slow disk"])
        #expect(lines.flush() == [])
    }

    @Test("no more than a bounded number of lines waits")
    func bounded() {
        var lines = EqualLines(patience: 1000)
        let shown = (0..<1000).flatMap { lines.take("text \($0)", of: "w", at: 0) }
        #expect(shown.count >= 900 && shown.first == "w: text 0")
        #expect(shown + lines.flush() == (0..<1000).map { "w: text \($0)" })
    }

    @Test(
        "names with running numbers are ranges",
        arguments: [
            (["w"], "w"), (["w2", "w1"], "w1, w2"), (["w1", "w2", "w3"], "w1..w3"),
            (["w9", "w10", "w11", "w13"], "w9..w11, w13"), (["w01", "w1", "w2"], "w1, w2, w01"),
            (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"), (["w1", "w1"], "w1"),
            (["x1", "w1", "w2", "w3", "x2"], "w1..w3, x1, x2"),
        ])
    func names(names: [String], text: String) {
        #expect(WorkerNames.text(names) == text)
    }

    @Test("a peer's words do not move the cursor")
    func control() {
        #expect(DisplayText.line("a\tb\nc\r\u{1B}[2J\u{202E}ü") == "a b\\nc\\r\\u{1B}[2J\\u{202E}ü")
    }
}

@Suite("Clocks that differ")
struct ClockCorrectionTests {
    @Test("the estimate is off by no more than the quickest message of the last minute", arguments: 0..<40)
    func estimate(seed: UInt64) {
        var generator = Seeded(seed)
        let difference = Int.random(in: -1_000_000_000_000...1_000_000_000_000, using: &generator)
        var clock = ClockCorrection()
        #expect(clock.offset == nil && clock.corrected(5) == nil)
        var delays: [Int] = []
        for second in 0..<50 {
            let sent = second * 1_000_000_000
            let delay = Int.random(in: 100_000...80_000_000, using: &generator)
            delays.append(delay)
            clock.observe(sent: sent, arrived: sent + difference + delay)
            #expect(clock.offset == difference + (delays.min() ?? 0))
            // Never before its cause, never after its arrival.
            #expect(clock.corrected(sent).map { $0 >= sent + difference && $0 <= sent + difference + delay } == true)
        }
    }

    @Test("a clock that drifts is followed, and a long silence makes a new start")
    func drift() {
        var clock = ClockCorrection()
        // A sender whose clock loses 50 microseconds a second.
        for second in 0..<7200 {
            let arrived = second * 1_000_000_000
            clock.observe(sent: arrived - second * 50_000, arrived: arrived)
            if let offset = clock.offset {
                #expect(abs(offset - second * 50_000) <= 60 * 50_000)
            }
        }
        clock.observe(sent: 0, arrived: 100_000_000_000_000)
        #expect(clock.offset == 100_000_000_000_000)
        // Times beyond all reason change nothing.
        clock.observe(sent: .min, arrived: 100_000_000_000_001)
        #expect(clock.offset == 100_000_000_000_000)
    }
}
