//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Datasets
import Foundation
import Inference
import LoRA
import RunConfiguration
import Training

/// What `predict` and `evaluate` work on: an adapter, a data file, and how the file is to be read.
struct AdapterArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The adapter, of loradrop's or of PEFT's hand.", valueName: "folder"))
    var adapter: String

    @Option(help: ArgumentHelp("The data: TSV, CSV or JSONL.", valueName: "file"))
    var file: String

    @OptionGroup var arguments: RunArguments

    /// The settings: what the adapter says of its task and its data, unless the file or a flag says otherwise.
    func settings(for purpose: ConfigurationPurpose) throws -> RunSettings {
        let recorded = try LoRADropRecord.read(from: adapter).map { record in
            [
                "--task.type=\(record.task)", "--training.max-sequence-length=\(record.maximumSequenceLength)",
                "--training.shard-tokens=\(record.shardTokens)",
            ] + (record.matmulPrecision.map { ["--training.matmul-precision=\($0)"] } ?? [])
        }
        return try RunSettings.load(
            file: arguments.config, flags: arguments.flags, defaults: recorded ?? [], for: purpose)
    }

    func model(_ settings: RunSettings) throws -> AdaptedModel {
        try AdaptedModel(
            modelFolder: settings.model, adapterFolder: adapter,
            task: AdaptedModel.TaskRequest(kind: settings.task.kind, labels: settings.task.labels))
    }

    /// The model in a form that computes.
    func fixed(_ model: AdaptedModel, _ settings: RunSettings) -> FixedModel {
        model.fixed(slots: Self.slots, precision: settings.training.matmulPrecision)
    }

    /// The file's rows; says on standard error how many were cut.
    func rows(_ settings: RunSettings, model: AdaptedModel, labelled: Bool) throws -> [TokenisedExample] {
        let maximumLength = settings.training.maxSequenceLength
        let prepared = try model.prepare(
            file, options: settings.task.datasetOptions(labelled: labelled), maximumLength: maximumLength)
        if prepared.truncatedCount > 0 {
            FileHandle.standardError.write(
                Data(
                    "\(file): \(prepared.truncatedCount) of \(prepared.examples.count) rows were cut to "
                        .appending("\(maximumLength) tokens (training.max_sequence_length)\n").utf8))
        }
        return prepared.examples
    }

    /// One thread a processor; predictions do not depend on their number.
    static var slots: Int { ProcessInfo.processInfo.activeProcessorCount }
}

/// The numbers of passes over a file, from 0.
struct PassCounter {
    private var upcoming = 0

    mutating func next() -> Int {
        defer { upcoming += 1 }
        return upcoming
    }
}
