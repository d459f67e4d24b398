//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LoRA
import Tensors
import Testing
import Training
import Transformer

@Suite("The trace of a fine-tuning (deploy/compare/README.md)")
struct TrainingTraceTests {
    private struct Step: Decodable, Equatable {
        let step: Int
        let examples: [Int]
        let loss, learningRate, gradientNorm: Double
    }

    private struct Settings: Decodable {
        let learningRate, headLearningRate, weightDecay, adamBeta1, adamBeta2, adamEpsilon: Double
        let maxGradientNorm: Double
        let schedule: String
        let warmupSteps, totalSteps, maxSequenceLength: Int
        let labels: [String]
        let sharedLayers: [Int]
    }

    private let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()

    private func steps(_ trace: URL) throws -> [Step] {
        try String(contentsOf: trace.appendingPathComponent("steps.jsonl"), encoding: .utf8).split(separator: "\n")
            .map { try decoder.decode(Step.self, from: Data($0.utf8)) }
    }

    private static let plan = TestTraining.plan {
        $0.selection.keepLayers = [1]
        $0.compute.warmup = .ratio(0.3)
    }

    @Test("it holds the adapter before the first step, the settings, and every step")
    func whole() throws {
        let training = try TestTraining()
        try withFolder { folder in
            let place = folder.appendingPathComponent("trace/deep")
            let observer = RecordingObserver()
            let result = try training.run(
                Self.plan, in: folder, observer: observer,
                trace: TrainingTrace(folder: place, maximumSequenceLength: 64)
            ).run(from: nil).result()

            let settings = try decoder.decode(
                Settings.self, from: Data(contentsOf: place.appendingPathComponent("settings.json")))
            #expect(settings.learningRate == 0.02 && settings.headLearningRate == 0.01)
            #expect(settings.weightDecay == 0.01 && settings.maxGradientNorm == 1)
            #expect(settings.adamBeta1 == 0.9 && settings.adamBeta2 == 0.999 && settings.adamEpsilon == 1e-8)
            #expect(settings.schedule == "linear" && settings.warmupSteps == 3 && settings.totalSteps == 9)
            #expect(settings.maxSequenceLength == 64 && settings.labels == ["a", "b", "c", "d", "e"])
            #expect(settings.sharedLayers == [0, 2])

            let layout = training.trainable.layout(result.assignment)
            let initial = training.trainable.initialParameters(result.assignment, phase: .fineTune, seed: 11)
            let adapter = try PEFTAdapter(
                folder: place.appendingPathComponent("initial").path, configuration: training.model.configuration,
                fingerprint: { training.model.fingerprint })
            let expected = TrainableParameters(layout, values: initial, scale: 2)
            #expect(adapter.parameters.branches.map { $0?.down.values } == expected.branches.map { $0?.down.values })
            #expect(adapter.parameters.branches.map { $0?.up.values } == expected.branches.map { $0?.up.values })

            let found = try steps(place)
            let outcomes = observer.outcomes.map(\.outcome)
            #expect(found.map(\.step) == Array(0..<9))
            #expect(found.map(\.loss) == outcomes.map(\.loss))
            #expect(found.map(\.learningRate) == outcomes.map(\.learningRate))
            #expect(found.map(\.gradientNorm) == outcomes.map(\.gradientNorm))
            for epoch in 0..<3 {
                let rows = found[epoch * 3..<epoch * 3 + 3].flatMap(\.examples)
                #expect(rows.sorted() == Array(0..<37))
            }
        }
    }

    @Test("a resumed run goes on with its trace, and does not pretend to have one")
    func resumed() throws {
        let training = try TestTraining()
        let expected = try withFolder { folder in
            _ = try training.run(
                Self.plan, in: folder, trace: TrainingTrace(folder: folder, maximumSequenceLength: 64)
            ).run(from: nil)
            return try steps(folder)
        }
        try withFolder { folder in
            let place = folder.appendingPathComponent("trace")
            func run(_ observer: RecordingObserver) throws -> RunEnd {
                try training.run(
                    Self.plan, in: folder, observer: observer,
                    trace: TrainingTrace(folder: place, maximumSequenceLength: 64)
                ).run(from: training.store(folder).latest())
            }
            #expect(try run(RecordingObserver(stopsAfter: 4)).isStopped)
            #expect(try steps(place) == Array(expected.prefix(4)))
            // A step that was traced and whose state was lost is done again.
            let file = try FileHandle(forWritingTo: place.appendingPathComponent("steps.jsonl"))
            try file.seekToEnd()
            try file.write(contentsOf: Data("{\"step\": 4}\n{\"st".utf8))
            try file.close()
            #expect(try run(RecordingObserver(stopsAfter: 2)).isStopped)
            #expect(try steps(place) == Array(expected.prefix(6)))
            try FileManager.default.removeItem(at: place)
            let observer = RecordingObserver()
            _ = try run(observer).result()
            #expect(observer.warnings.contains { $0.contains("does not hold the steps before 6") })
            #expect(!FileManager.default.fileExists(atPath: place.path))
        }
    }
}
