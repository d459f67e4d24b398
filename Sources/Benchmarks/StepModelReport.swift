//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Foundation
import JSONText

/// `loradrop bench model`: the time of a step against the number of workers, and what LoRA-drop saves in bytes.
///
/// It says nothing of this machine, so no machine stands in it.
package struct StepModelReport: Sendable {
    private let model: StepTimeModel
    private let shape: AdapterShape
    package let estimates: [StepTimeModel.Estimate]
    package let savings: [AdapterShape.Saving]

    /// Computes everything.
    /// - Throws: `BenchmarkError` as `ExchangeSimulation.run`.
    package init(_ model: StepTimeModel, shape: AdapterShape, workerCounts: [Int]) throws(BenchmarkError) {
        self.model = model
        self.shape = shape
        var estimates: [StepTimeModel.Estimate] = []
        for count in workerCounts {
            estimates.append(try model.estimate(workerCount: count))
        }
        self.estimates = estimates
        savings = workerCounts.map { shape.saving(model, workerCount: $0) }
    }

    /// The estimate whose formula is furthest from the simulation; nil where nothing is exchanged.
    private var worst: StepTimeModel.Estimate? {
        estimates.filter { $0.simulatedSeconds > 0 }.max { abs($0.deviation) < abs($1.deviation) }
    }

    /// For people.
    package var text: String {
        let (workload, link) = (model.workload, model.link)
        var lines = [
            "a step    \(workload.tokenCount) tokens of \(fixed(workload.operationsPerToken / 1e6, 1)) MFLOP, "
                + (workload.shardTokens == nil ? "divided at will" : "\(workload.shardCount) shards")
                + ", \(workload.parameterCount) trained parameters",
            "a worker  \(fixed(workload.operationsPerSecond / 1e9, 0)) GFLOP/s, slots: \(workload.slotCount), "
                + "an update of \(fixed(1e3 * workload.updateSeconds, 2)) ms",
            "a link    \(fixed(1e3 * link.latency, 3)) ms, \(fixed(link.bytesPerSecond * 8e-9, 3)) Gbit/s, "
                + "\(fixed(1e6 * link.secondsPerMessage, 1)) us a message, \(link.elementByteCount) bytes an element, "
                + "crowding \(link.crowding)",
            "", Self.heading,
        ]
        lines += estimates.map(line)
        if let worst {
            lines.append(
                "formula against simulation: off by at most \(fixed(100 * abs(worst.deviation), 2)) %, "
                    + "with \(worst.workerCount) workers")
        }
        lines += [
            "", "LoRA-drop, \(shape.keptLayerCount) of \(shape.layerCount) layers kept",
            "LoRA parameters  \(shape.allParameterCount) with all, \(shape.keptParameterCount) with those kept and the "
                + "shared one",
            "their bytes      \(4 * shape.allParameterCount) and \(4 * shape.keptParameterCount), "
                + "\(12 * shape.allParameterCount) and \(12 * shape.keptParameterCount) with the optimiser's moments",
            "", Self.savingHeading,
        ]
        lines += zip(estimates, savings).map(savingLine)
        return lines.joined(separator: "\n") + "\n"
    }

    private static let heading =
        "workers  schedule   rounds  MB sent  compute ms  exchange ms  simulated ms   step ms  efficiency"
    private static let savingHeading =
        "workers  MB sent with all  MB with those kept  saved MB  saved %  exchange ms with all  with those kept"

    private func line(_ estimate: StepTimeModel.Estimate) -> String {
        let exchange = estimate.exchange
        return [
            column("\(estimate.workerCount)", 7),
            exchange.plan.algorithm.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0),
            column("\(exchange.rounds)", 6), column(fixed(exchange.bytesPerWorker / 1e6, 3), 7),
            column(fixed(1e3 * estimate.computeSeconds, 3), 10), column(fixed(1e3 * exchange.seconds, 3), 11),
            column(fixed(1e3 * estimate.simulatedSeconds, 3), 12), column(fixed(1e3 * estimate.stepSeconds, 3), 8),
            column(fixed(estimate.efficiency, 3), 10),
        ].joined(separator: "  ")
    }

    private func savingLine(_ estimate: StepTimeModel.Estimate, _ saving: AdapterShape.Saving) -> String {
        [
            column("\(estimate.workerCount)", 7), column(fixed(saving.all.bytesPerWorker / 1e6, 3), 16),
            column(fixed(saving.kept.bytesPerWorker / 1e6, 3), 18), column(fixed(saving.bytesPerWorker / 1e6, 3), 8),
            column(fixed(100 * saving.share, 1), 7), column(fixed(1e3 * saving.all.seconds, 3), 20),
            column(fixed(1e3 * saving.kept.seconds, 3), 15),
        ].joined(separator: "  ")
    }

    private func fixed(_ number: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", number) }

    private func column(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

extension StepModelReport {
    /// For programs, one indented JSON object.
    package var jsonText: String {
        let (workload, link) = (model.workload, model.link)
        return JSONValue.object([
            JSONMember("command", .string("bench model")), JSONMember("tokens", .integer(workload.tokenCount)),
            JSONMember("operations_per_token", .real(workload.operationsPerToken)),
            JSONMember("shards", workload.shardTokens == nil ? .null : .integer(workload.shardCount)),
            JSONMember("trained_parameters", .integer(workload.parameterCount)),
            JSONMember("operations_per_second", .real(workload.operationsPerSecond)),
            JSONMember("slots", .integer(workload.slotCount)),
            JSONMember("update_seconds", .real(workload.updateSeconds)),
            JSONMember("latency_seconds", .real(link.latency)),
            JSONMember("bytes_per_second", .real(link.bytesPerSecond)),
            JSONMember("seconds_per_message", .real(link.secondsPerMessage)),
            JSONMember("crowding", .real(link.crowding)),
            JSONMember("bytes_per_element", .integer(link.elementByteCount)),
            JSONMember("steps", .array(estimates.map(json))),
            JSONMember("layers", .integer(shape.layerCount)), JSONMember("kept_layers", .integer(shape.keptLayerCount)),
            JSONMember("all_lora_parameters", .integer(shape.allParameterCount)),
            JSONMember("kept_lora_parameters", .integer(shape.keptParameterCount)),
            JSONMember("lora_drop", .array(zip(estimates, savings).map(json))),
        ]).indentedText()
    }

    private func json(_ estimate: StepTimeModel.Estimate) -> JSONValue {
        .object([
            JSONMember("workers", .integer(estimate.workerCount)),
            JSONMember("schedule", .string(estimate.exchange.plan.algorithm.rawValue)),
            JSONMember("rounds", .integer(estimate.exchange.rounds)),
            JSONMember("bytes_per_worker", .real(estimate.exchange.bytesPerWorker)),
            JSONMember("messages", .integer(estimate.exchange.totalMessageCount)),
            JSONMember("compute_seconds", .real(estimate.computeSeconds)),
            JSONMember("exchange_seconds", .real(estimate.exchange.seconds)),
            JSONMember("simulated_exchange_seconds", .real(estimate.simulatedSeconds)),
            JSONMember("step_seconds", .real(estimate.stepSeconds)),
            JSONMember("efficiency", .real(estimate.efficiency)),
        ])
    }

    private func json(_ estimate: StepTimeModel.Estimate, _ saving: AdapterShape.Saving) -> JSONValue {
        .object([
            JSONMember("workers", .integer(estimate.workerCount)),
            JSONMember("bytes_per_worker_with_all", .real(saving.all.bytesPerWorker)),
            JSONMember("bytes_per_worker_with_kept", .real(saving.kept.bytesPerWorker)),
            JSONMember("saved_bytes_per_worker", .real(saving.bytesPerWorker)),
            JSONMember("exchange_seconds_with_all", .real(saving.all.seconds)),
            JSONMember("exchange_seconds_with_kept", .real(saving.kept.seconds)),
        ])
    }
}
