//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import LoRA
import RunRecords
import Tensors
import Testing
import Training

/// What is the same of two runs that did the same.
private struct Outcome: Equatable {
    let state: TrainingState
    let decision: LayerDecision
    let history: [HistoryEntry]
    let evaluation: [String: Double]
    let lossSum: Double

    init(_ result: RunResult) {
        state = result.finalState
        decision = result.decision
        history = result.progress.history
        evaluation = result.evaluation
        lossSum = result.progress.lossSum
    }
}

@Suite("Checkpoints")
struct CheckpointTests {
    @Test("a run stopped after any step and resumed ends with the same bits", arguments: [false, true])
    func resume(isWarm: Bool) throws {
        let training = try TestTraining(dropout: 0.2)
        let plan = TestTraining.plan {
            $0.selection.warmStart = isWarm
            $0.loadsBestAtEnd = true
            $0.saving = .never
            $0.evaluation = .everySteps(2)
        }
        let undisturbed = RecordingObserver()
        let expected = Outcome(try training.finish(plan, observer: undisturbed))
        let stepCount = undisturbed.outcomes.count
        #expect(stepCount == 6 + 9)
        for stop in 1..<stepCount {
            try withFolder { folder in
                let first = RecordingObserver(stopsAfter: stop)
                #expect(try training.run(plan, in: folder, observer: first).run(from: nil).isStopped)
                let checkpoint = try #require(try training.store(folder).latest())
                #expect(checkpoint.state.digest == first.outcomes[stop - 1].outcome.digest)
                // Once more, if only for a step, on other numbers of threads.
                let second = RecordingObserver(stopsAfter: 1)
                let end = try training.run(
                    plan, in: folder, observer: second, fleet: training.fleet(slots: 3)
                ).run(from: checkpoint)
                let found =
                    end.isStopped
                    ? try training.run(plan, in: folder, fleet: training.fleet(slots: 2))
                        .run(from: training.store(folder).latest()) : end
                #expect(Outcome(try found.result()) == expected, "stopped after \(stop)")
            }
        }
    }

    @Test("a run that died goes on from its last checkpoint with the same bits")
    func died() throws {
        let training = try TestTraining()
        let plan = TestTraining.plan { $0.saving = .everySteps(2) }
        let expected = Outcome(try training.finish(plan))
        for step in [6, 7, 8] {
            try withFolder { folder in
                #expect(throws: Death.self) {
                    try training.run(plan, in: folder, fleet: RecordingFleet(training.fleet(), diesAt: step)).run(
                        from: nil)
                }
                let checkpoint = try #require(try training.store(folder).latest())
                #expect(checkpoint.name == "checkpoint-\(step / 2 * 2)")
                let end = try training.run(plan, in: folder).run(from: checkpoint)
                #expect(Outcome(try end.result()) == expected)
            }
        }
    }

    /// A folder with the checkpoints of a finished run.
    private func withCheckpoints(_ body: (URL, TestTraining) throws -> Void) throws {
        let training = try TestTraining()
        try withFolder { folder in
            _ = try training.run(TestTraining.plan(), in: folder).run(from: nil).result()
            try body(folder, training)
        }
    }

    @Test("each checkpoint has the history up to its step, as transformers keeps it")
    func history() throws {
        let training = try TestTraining()
        try withFolder { folder in
            let plan = TestTraining.plan { $0.loadsBestAtEnd = true }
            let result = try training.run(plan, in: folder).run(from: nil).result()
            func state(_ name: String) throws -> TrainerState {
                let path = folder.appendingPathComponent(name + "/trainer_state.json").path
                return try TrainerState(jsonText: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))), path: path)
            }
            let first = try state("checkpoint-3")
            #expect(first.globalStep == 3 && first.epoch == 1 && first.maxSteps == 9 && first.epochCount == 3)
            #expect(first.batchSize == 16 && first.loggingSteps == 2 && first.saveSteps == nil)
            // A training entry after two steps, an evaluation after three.
            #expect(first.history.map(\.step) == [2, 3])
            #expect(first.bestStep == 3 && first.bestCheckpoint == "checkpoint-3")
            #expect(first.bestMetric == first.history[1].values["eval_accuracy"])
            #expect(try state("checkpoint-9") == result.trainerState)
            #expect(result.trainerState.history.count == result.progress.history.count)
            let probe = try state("checkpoint-probe-6")
            #expect(probe.globalStep == 6 && probe.maxSteps == 6 && probe.history.isEmpty && probe.bestStep == nil)
        }
    }

    @Test("checkpoints are listed in the order of the run, others' folders passed over")
    func names() throws {
        try withCheckpoints { folder, training in
            for other in ["checkpoint-", "checkpoint-x", ".checkpoint-99.partial", "adapter", "checkpoint-probe-"] {
                try FileManager.default.createDirectory(
                    at: folder.appendingPathComponent(other), withIntermediateDirectories: true)
            }
            #expect(
                try CheckpointStore.checkpointNames(in: folder) == [
                    "checkpoint-probe-6", "checkpoint-3", "checkpoint-6", "checkpoint-9",
                ])
            let latest = try #require(try training.store(folder).latest())
            #expect(latest.name == "checkpoint-9")
            #expect(latest.state.step == 9)
            #expect(latest.state.phase == .fineTune)
            let files = try FileManager.default.contentsOfDirectory(
                atPath: folder.appendingPathComponent("checkpoint-9").path)
            #expect(
                files.sorted() == [
                    "adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "run_state.json",
                    "trainer_state.json",
                ])
        }
        try withFolder { folder in
            let latest = try TestTraining().store(folder).latest()
            #expect(latest == nil)
        }
    }

    @Test("a checkpoint of another configuration is refused, naming both")
    func otherConfiguration() throws {
        try withCheckpoints { folder, training in
            let refused = refusal { _ = try training.store(folder, digest: "another").latest() }
            #expect(refused?.code == .badCheckpoint)
            #expect(refused?.message.contains("(digest configuration, now another)") == true)
            #expect(refused?.message.contains("checkpoint-9") == true)
        }
    }

    @Test("a damaged checkpoint is refused, saying what is wrong with which file")
    func damaged() throws {
        try withCheckpoints { folder, training in
            let place = folder.appendingPathComponent("checkpoint-9")
            let record = place.appendingPathComponent("run_state.json")
            let vectors = place.appendingPathComponent("optimizer.safetensors")
            let (goodRecord, goodVectors) = (try Data(contentsOf: record), try Data(contentsOf: vectors))
            func check(_ part: String, _ damage: () throws -> Void) throws {
                try damage()
                let refused = refusal { _ = try training.store(folder).latest() }
                #expect(refused?.code == .badCheckpoint, "\(part)")
                #expect(refused?.message.contains("checkpoint-9") == true)
                #expect(refused?.message.contains(part) == true, "\(refused?.message ?? "taken"), expected \(part)")
                try goodRecord.write(to: record)
                try goodVectors.write(to: vectors)
            }
            func edit(_ old: String, _ new: String) throws {
                let text = String(decoding: goodRecord, as: UTF8.self)
                #expect(text.contains(old))
                try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: record)
            }
            try check("run_state.json cannot be read") { try FileManager.default.removeItem(at: record) }
            try check("run_state.json cannot be read") { try goodRecord.prefix(200).write(to: record) }
            try check("has format 2, this build reads 1") { try edit("\"format\" : 1", "\"format\" : 2") }
            try check("phase 7 is unknown") { try edit("\"statePhase\" : 2", "\"statePhase\" : 7") }
            try check("the state's digest is") { try edit("\"stateStep\" : 9", "\"stateStep\" : 8") }
            try check("at step -9") { try edit("\"stateStep\" : 9", "\"stateStep\" : -9") }
            try check("optimizer.safetensors") { try FileManager.default.removeItem(at: vectors) }
            try check("optimizer.safetensors") { try goodVectors.dropLast(1).write(to: vectors) }
            try check("the state's digest is") {
                var bytes = goodVectors
                bytes[bytes.count - 1] ^= 1
                try bytes.write(to: vectors)
            }
            try check("has no F32 tensor second_moment") {
                let text = String(decoding: goodVectors, as: UTF8.self)
                #expect(text.contains("second_moment"))
                var bytes = goodVectors
                let place = try #require(bytes.range(of: Data("second_moment".utf8)))
                bytes.replaceSubrange(place, with: Data("second_momenu".utf8))
                try bytes.write(to: vectors)
            }
            #expect(try training.store(folder).latest()?.name == "checkpoint-9")
        }
    }

    @Test("scores of another number of projections are refused")
    func otherScores() throws {
        try withCheckpoints { folder, training in
            var checkpoint = try training.store(folder).checkpoint(named: "checkpoint-probe-6")
            checkpoint.progress.scores?.removeLast()
            let refused = refusal {
                _ = try training.run(TestTraining.plan(), in: folder).run(from: checkpoint)
            }
            #expect(refused?.code == .badCheckpoint)
        }
    }

    @Test("as many checkpoints are kept as was asked for, the best and the probe's besides")
    func limit() throws {
        let training = try TestTraining()
        func names(_ limit: Int?, loadsBest: Bool) throws -> (names: [String], best: String?) {
            try withFolder { folder in
                let plan = TestTraining.plan {
                    $0.saving = .everySteps(1)
                    $0.evaluation = .everySteps(1)
                    $0.saveTotalLimit = limit
                    $0.loadsBestAtEnd = loadsBest
                }
                let result = try training.run(plan, in: folder).run(from: nil).result()
                return (try CheckpointStore.checkpointNames(in: folder), result.progress.bestCheckpoint)
            }
        }
        let all = try names(nil, loadsBest: true)
        #expect(all.names == ["checkpoint-probe-6"] + (1...9).map { "checkpoint-\($0)" })
        let best = try #require(all.best)
        for limit in [1, 2, 4] {
            let kept = try names(limit, loadsBest: true)
            #expect(kept.best == best)
            let last = (10 - limit...9).map { "checkpoint-\($0)" }
            #expect(kept.names == ["checkpoint-probe-6"] + (last.contains(best) ? [] : [best]) + last)
        }
    }
}
