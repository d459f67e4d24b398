//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Simulation
import Testing

@Suite struct CampaignTests {
    private let course = FaultDraw.Course(probeSteps: 9, fineTuneSteps: 24, boundaries: 3)

    @Test(arguments: [1, 2, 77, UInt64.max])
    func aHundredRunsHitEveryCellTwiceWhateverTheSeed(_ seed: UInt64) {
        let draw = FaultDraw(seed: seed, course: course)
        var hits: [FaultDraw.Cell: Int] = [:]
        for number in 0..<100 {
            let cells = draw.run(number).cells
            #expect((1...3).contains(cells.count))
            for cell in cells { hits[cell, default: 0] += 1 }
        }
        #expect(FaultDraw.cells.count == 42)
        #expect(FaultDraw.cells.allSatisfy { hits[$0, default: 0] >= 2 })
    }

    @Test func aRunIsDrawnFromSeedAndNumberAlone() {
        let draw = FaultDraw(seed: 5, course: course)
        #expect(draw.run(17) == FaultDraw(seed: 5, course: course).run(17))
        #expect((0..<20).map { draw.run($0) } != (0..<20).map { FaultDraw(seed: 6, course: course).run($0) })
    }

    @Test func whatIsDrawnIsAPlanForItsCluster() throws {
        let draw = FaultDraw(seed: 9, course: course)
        for number in 0..<200 {
            let run = draw.run(number)
            var plan = FaultPlan()
            for pair in stride(from: 0, to: run.flags.count, by: 2) {
                let text = run.flags[pair + 1]
                switch run.flags[pair] {
                case "--kill": try plan.kill(text)
                case "--stop": try plan.stop(text)
                case "--disconnect": try plan.disconnect(text)
                case "--partition": try plan.partition(text)
                case "--join": try plan.join(text)
                default: Issue.record("\(run.flags[pair]) is no flag")
                }
            }
            try plan.check(workers: run.workers)
            #expect(plan.faults.map { FaultDraw.Cell($0.kind, $0.place.event) }.count == run.cells.count)
            #expect(Set(plan.faults.map { FaultDraw.Cell($0.kind, $0.place.event) }) == Set(run.cells))
        }
    }

    @Test func evidenceIsResumedAndCountsWhatCameAbout() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "loradrop-\(UUID()).tsv").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var evidence = try CampaignEvidence(path: path, seed: 3)
        let entries = [
            CampaignEvidence.Entry(
                run: 0, verdict: "ok", seconds: 2.5, adapterDigest: "ab", command: "--workers 2 --kill 1@5",
                recoveries: ["kill\tfine-tune\t0.001000\t0.200000\t0.300000", "join\tdecision\t-\t-\t-"]),
            CampaignEvidence.Entry(
                run: 1, verdict: "other bytes\tthan undisturbed", seconds: 1, adapterDigest: "cd", command: "x",
                recoveries: ["kill\tfine-tune\t-\t-\t0.100000"]),
        ]
        for entry in entries { try evidence.add(entry) }
        // A crash cut the last line off.
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data("2\tok".utf8))
        try file.close()
        var resumed = try CampaignEvidence(path: path, seed: 3)
        #expect(resumed.entries.count == 2)
        try resumed.add(entries[1])
        let again = try CampaignEvidence(path: path, seed: 3)
        #expect(again.entries.count == 3)
        #expect(again.entries[0] == entries[0])
        #expect(again.entries[0].isGood && !again.entries[1].isGood)
        #expect(again.recoverySeconds(of: "kill") == [0.1, 0.1, 0.3])
        #expect(again.leastHits == 0)
        #expect(again.matrix.contains { $0.hasPrefix("kill ") && $0.contains("3") })
        #expect(throws: DisturbedCluster.Failure.self) { _ = try CampaignEvidence(path: path, seed: 4) }
    }
}
