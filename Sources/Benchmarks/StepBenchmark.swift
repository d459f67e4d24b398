//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Datasets
import ExactSums
import Foundation
import LoRA
package import RunConfiguration
import Tensors
import Training
import Transformer
import Wire

/// `loradrop bench step`: training steps in one process, on the data of a configuration.
package struct StepBenchmark {
    /// How much is measured.
    package struct Extent: Sendable {
        /// Timed steps a round.
        package var steps: Int
        /// Steps before the first round that nobody counts.
        package var warmSteps: Int
        /// Repetitions, of which medians are told.
        package var rounds: Int

        package init(steps: Int, warmSteps: Int, rounds: Int) {
            self.steps = steps
            self.warmSteps = warmSteps
            self.rounds = rounds
        }
    }

    private let preparation: RunPreparation
    private let configuration: any BaseConfiguration
    private let labelCount: Int
    private let extent: Extent
    private let pool: SlotPool
    private let trainer: PhaseTrainer
    private let operations: NecessaryOperations
    private var schedule: BatchSchedule

    /// Reads model and data and takes up a plain LoRA on all targets.
    /// - Throws: What the preparation of a run throws.
    package init(_ settings: RunSettings, extent: Extent) throws {
        self.extent = extent
        preparation = try RunPreparation(settings)
        configuration = preparation.model.configuration
        labelCount = preparation.trainable.head.classifier?.outputSize ?? 0
        let assignment = preparation.trainable.allOwn
        pool = SlotPool(slotCount: settings.cluster.slots)
        schedule = BatchSchedule(
            phase: .fineTune, examples: preparation.data.train, batchSize: settings.plan.stepSize,
            shardTokens: settings.training.shardTokens, seed: settings.training.seed)
        trainer = try PhaseTrainer(
            model: settings.computeSettings.prepared(preparation.model.model),
            settings: settings.computeSettings, trainable: preparation.trainable,
            setup: PhaseSetup(
                phase: .fineTune, totalSteps: extent.warmSteps + (extent.rounds + 1) * extent.steps,
                assignment: assignment, state: nil), pool: pool)
        operations = NecessaryOperations(
            configuration, assignment: assignment,
            adapterRank: preparation.trainable.lora.adapterRank,
            labelCount: labelCount)
    }

    /// What a stretch of steps took.
    private struct Stretch {
        var seconds = 0.0
        var sumSeconds = 0.0
        var commitSeconds = 0.0
        var tokens = 0
        var examples = 0
        var shards = 0
        var operations = 0.0
        /// Of the last step.
        var bytesPerSum = 0.0
    }

    /// Measures: warm steps, then the rounds, each with the rate of products right before it; last a round by parts.
    package mutating func run() throws -> BenchmarkReport {
        let slots = pool.slotCount
        _ = try stretch(extent.warmSteps)
        let peak = ProcessMemory.peakResidentBytes
        let proportional = ProcessMemory.proportionalBytes
        let rate = ProductRate(configuration, generates: labelCount == 0, rows: 384, pool: pool)
        _ = try rate.measure(rows: 384, seconds: 0.5)
        var stretches: [Stretch] = []
        var rates: [Double] = []
        for _ in 0..<extent.rounds {
            rates.append(try rate.measure(rows: 384, seconds: 0.5))
            stretches.append(try stretch(extent.steps))
        }
        ComputeClock.start()
        let counted = try stretch(extent.steps)
        let parts = ComputeClock.stop()

        var report = BenchmarkReport(
            command: "bench step --slots \(slots) --steps \(extent.steps) --warm \(extent.warmSteps) --rounds "
                + "\(extent.rounds)")
        func figure(_ key: String, _ title: String, _ values: [Double], _ unit: String, decimals: Int = 1) {
            let shown = [Repetitions.median(values), values.min() ?? 0, values.max() ?? 0]
                .map { String(format: "%.\(decimals)f", $0) }
            let name = title + String(repeating: " ", count: max(0, 34 - title.count))
            report.figures.append(
                .init(
                    key, Repetitions.median(values),
                    "\(name) \(shown[0]) \(unit)" + (values.count > 1 ? "  (\(shown[1]) to \(shown[2]))" : "")))
        }
        figure("tokens_per_second", "tokens a second", stretches.map { Double($0.tokens) / $0.seconds }, "/s")
        figure("examples_per_second", "examples a second", stretches.map { Double($0.examples) / $0.seconds }, "/s")
        let gflops = stretches.map { $0.operations / $0.seconds / 1e9 }
        figure("gflops", "necessary operations", gflops, "GFLOP/s")
        figure("sgemm_gflops", "sgemm of the BLAS, M = 384", rates, "GFLOP/s")
        figure("fraction_of_sgemm", "fraction of the sgemm rate", zip(gflops, rates).map { $0 / $1 }, "", decimals: 3)
        figure("milliseconds_per_step", "a step", stretches.map { 1e3 * $0.seconds / Double(extent.steps) }, "ms")
        figure(
            "tokens_per_step", "tokens a step", stretches.map { Double($0.tokens) / Double(extent.steps) }, "")
        figure(
            "shards_per_step", "shards a step", stretches.map { Double($0.shards) / Double(extent.steps) }, "")
        figure(
            "bytes_per_sum", "bytes a sum takes on the wire", stretches.map(\.bytesPerSum), "", decimals: 2)
        if let peak { figure("peak_resident_mb", "peak resident memory", [Double(peak) / 1e6], "MB") }
        if let proportional {
            figure("proportional_mb", "memory by share (PSS)", [Double(proportional) / 1e6], "MB")
        }
        report.tables = [phases(counted, parts, slots: slots), kernels(counted, parts, slots: slots)]
        return report
    }

    private mutating func stretch(_ count: Int) throws -> Stretch {
        var stretch = Stretch()
        var lastSums: [Int64] = []
        let began = Self.seconds
        for _ in 0..<count {
            let work = schedule.work(step: trainer.step)
            let beganSums = Self.seconds
            let sums = try trainer.localSums(work.header, shards: work.shards)
            let beganCommit = Self.seconds
            _ = try FloatingPointMode.flushingDenormals { try trainer.commit(sums, work.header) }
            lastSums = sums.sums
            stretch.sumSeconds += beganCommit - beganSums
            stretch.commitSeconds += Self.seconds - beganCommit
            stretch.tokens += work.tokenCount
            stretch.examples += work.exampleCount
            stretch.shards += work.shards.count
            for shard in work.shards {
                stretch.operations += operations.count(
                    lengths: shard.examples.map(\.tokenIDs.count), completions: shard.examples.map(\.completionStart))
            }
        }
        stretch.seconds = Self.seconds - began
        stretch.bytesPerSum = Double(PackedIntegers.packed(lastSums).count) / Double(max(1, lastSums.count))
        return stretch
    }

    private static var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

    private static let timeColumns = [
        (heading: "part", key: "part"), (heading: "ms a step", key: "milliseconds_per_step"),
        (heading: "% of the slots' time", key: "percent"),
    ]

    /// Phases of a step, as time of all slots.
    private func phases(_ stretch: Stretch, _ parts: [UInt64], slots: Int) -> BenchmarkReport.Table {
        var table = BenchmarkReport.Table(
            key: "phases", title: "time of the slots by phase", columns: Self.timeColumns)
        let whole = stretch.seconds * Double(slots)
        func add(_ name: String, _ seconds: Double) {
            table.add(name, [1e3 * seconds / Double(extent.steps), 100 * seconds / whole], decimals: 2)
        }
        var busy = 0.0
        for part in ComputePart.allCases where part.isPhase {
            let seconds = Double(parts[part.rawValue]) / 1e9
            busy += seconds
            add(part.title, seconds)
        }
        add("waiting for other slots", stretch.sumSeconds * Double(slots) - busy)
        add("update and digest, on one thread", stretch.commitSeconds * Double(slots))
        add(
            "batch and shards, on one thread",
            (stretch.seconds - stretch.sumSeconds - stretch.commitSeconds) * Double(slots))
        return table
    }

    /// Kernels within forward and backward.
    private func kernels(_ stretch: Stretch, _ parts: [UInt64], slots: Int) -> BenchmarkReport.Table {
        var table = BenchmarkReport.Table(
            key: "kernels", title: "time of the slots by kernel, within forward and backward",
            columns: Self.timeColumns)
        let whole = stretch.seconds * Double(slots)
        var rest = Double(parts[ComputePart.forward.rawValue] + parts[ComputePart.backward.rawValue]) / 1e9
        func add(_ name: String, _ seconds: Double) {
            table.add(name, [1e3 * seconds / Double(extent.steps), 100 * seconds / whole], decimals: 2)
        }
        for part in ComputePart.allCases where !part.isPhase {
            let seconds = Double(parts[part.rawValue]) / 1e9
            rest -= seconds
            add(part.title, seconds)
        }
        add("rest", rest)
        return table
    }
}
