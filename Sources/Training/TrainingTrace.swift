//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Files
package import Foundation
import LoRA
import RunRecords
import Transformer

/// A record of a fine-tuning, step by step, from which another trainer can do the same.
///
/// Its folder is described in deploy/compare/README.md: `initial/`, the adapter before the first step, `settings.json`
/// and `steps.jsonl`, one object a step.
package final class TrainingTrace {
    let folder: URL
    private let maximumSequenceLength: Int
    private var steps: LineFile?
    /// The rows of steps that were given out and are not yet done, by step.
    private var rows: [Int: [UInt32]] = [:]
    private let encoder: JSONEncoder

    /// - Parameters:
    ///   - folder: Made where there is none; a trace that it holds is written over.
    ///   - maximumSequenceLength: What texts were cut to, in tokens; another trainer has to do it too.
    package init(folder: URL, maximumSequenceLength: Int) {
        self.folder = folder
        self.maximumSequenceLength = maximumSequenceLength
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// Writes what the fine-tuning begins with, or takes up the trace of a run that goes on.
    /// - Parameter writeAdapter: Writes the initial adapter's files into a folder.
    /// - Returns: False if the run goes on from a step whose predecessors the folder does not hold: then nothing is
    ///   written.
    func begin(
        _ setup: PhaseSetup, settings: ComputeSettings, trainable: TrainableModel, labels: [String],
        writeAdapter: (TrainingState, URL) throws -> Void
    ) throws -> Bool {
        let startStep = setup.state?.step ?? 0
        let stepsPath = folder.appendingPathComponent("steps.jsonl").path
        guard startStep == 0 else { return try takeUp(stepsPath, at: startStep) }
        try SystemFile.createFolder(folder.path)
        let initial =
            setup.state
            ?? TrainingState(
                phase: .fineTune,
                initial: trainable.initialParameters(setup.assignment, phase: .fineTune, seed: settings.seed))
        try writeAdapter(initial, folder.appendingPathComponent("initial", isDirectory: true))
        let optimizer = settings.optimizer
        let schedule = settings.schedule(of: setup)
        let record = TraceSettings(
            learningRate: optimizer.learningRate, headLearningRate: optimizer.headLearningRate,
            weightDecay: optimizer.weightDecay, adamBeta1: optimizer.beta1, adamBeta2: optimizer.beta2,
            adamEpsilon: optimizer.epsilon, maxGradientNorm: optimizer.maxGradientNorm ?? 0,
            schedule: schedule.shape.rawValue, warmupSteps: schedule.warmupSteps, totalSteps: schedule.totalSteps,
            maxSequenceLength: maximumSequenceLength, labels: labels,
            sharedLayers: Self.sharedLayers(trainable, setup.assignment))
        try AtomicFile.write(try text(of: record) + "\n", to: folder.appendingPathComponent("settings.json").path)
        steps = try LineFile(stepsPath, keeping: 0)
        return true
    }

    /// Remembers which rows a step is made of.
    func gave(_ work: StepWork) {
        guard steps != nil else { return }
        rows[work.step] = work.shards.flatMap { $0.examples.map(\.index) }.sorted()
    }

    /// Writes a step's line.
    func committed(_ outcome: StepOutcome) throws {
        guard let steps, let examples = rows.removeValue(forKey: outcome.step) else { return }
        try steps.append(
            try text(
                of: TraceStep(
                    step: outcome.step, examples: examples, loss: outcome.loss, learningRate: outcome.learningRate,
                    gradientNorm: outcome.gradientNorm)))
    }

    /// Goes on behind the lines of the steps before `startStep`; lines of later steps, which are done again, are cut.
    private func takeUp(_ path: String, at startStep: Int) throws -> Bool {
        let bytes = try AtomicFile.read(path) ?? []
        var lineCount = 0
        for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            lineCount += 1
            if lineCount == startStep {
                steps = try LineFile(path, keeping: place + 1)
                return true
            }
        }
        return false
    }

    private func text(of record: some Encodable) throws -> String {
        String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    /// The layers whose projections use the shared LoRA.
    private static func sharedLayers(_ trainable: TrainableModel, _ assignment: AdapterAssignment) -> [Int] {
        Set(trainable.targets.filter { assignment.roles[$0.index] == .shared }.map(\.layer)).sorted()
    }
}

/// `settings.json`.
private struct TraceSettings: Encodable {
    let learningRate: Double
    let headLearningRate: Double
    let weightDecay: Double
    let adamBeta1: Double
    let adamBeta2: Double
    let adamEpsilon: Double
    let maxGradientNorm: Double
    let schedule: String
    let warmupSteps: Int
    let totalSteps: Int
    let maxSequenceLength: Int
    let labels: [String]
    let sharedLayers: [Int]

    enum CodingKeys: String, CodingKey {
        case learningRate = "learning_rate"
        case headLearningRate = "head_learning_rate"
        case weightDecay = "weight_decay"
        case adamBeta1 = "adam_beta1"
        case adamBeta2 = "adam_beta2"
        case adamEpsilon = "adam_epsilon"
        case maxGradientNorm = "max_gradient_norm"
        case schedule
        case warmupSteps = "warmup_steps"
        case totalSteps = "total_steps"
        case maxSequenceLength = "max_sequence_length"
        case labels
        case sharedLayers = "shared_layers"
    }
}

/// One line of `steps.jsonl`.
private struct TraceStep: Encodable {
    let step: Int
    let examples: [UInt32]
    let loss: Double
    let learningRate: Double
    let gradientNorm: Double

    enum CodingKeys: String, CodingKey {
        case step
        case examples
        case loss
        case learningRate = "learning_rate"
        case gradientNorm = "gradient_norm"
    }
}
