//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

/// What `trainer_state.json` says: the keys of Hugging Face's `TrainerState`, which reads the file.
package struct TrainerState: Sendable, Hashable {
    /// One entry of the history.
    package struct LogEntry: Sendable, Hashable {
        /// Epochs done, with their fraction.
        package var epoch: Double
        /// Updates done.
        package var step: Int
        /// `loss`, `learning_rate` and `grad_norm` of a stretch of training, `eval_…` of an evaluation, `train_…` at
        /// the end.
        package var values: [String: Double]

        package init(epoch: Double, step: Int, values: [String: Double]) {
            self.epoch = epoch
            self.step = step
            self.values = values
        }
    }

    package var bestMetric: Double?
    package var bestStep: Int?
    /// The checkpoint's folder, relative to the run folder.
    package var bestCheckpoint: String?
    package var epoch = 0.0
    package var globalStep = 0
    package var maxSteps: Int
    package var epochCount: Int
    package var batchSize: Int
    package var loggingSteps: Int
    package var evaluationSteps: Int?
    package var saveSteps: Int?
    package var tokensSeen = 0
    package var history: [LogEntry] = []

    package init(
        maxSteps: Int, epochCount: Int, batchSize: Int, loggingSteps: Int, evaluationSteps: Int? = nil,
        saveSteps: Int? = nil
    ) {
        self.maxSteps = maxSteps
        self.epochCount = epochCount
        self.batchSize = batchSize
        self.loggingSteps = loggingSteps
        self.evaluationSteps = evaluationSteps
        self.saveSteps = saveSteps
    }

    /// The file's text, keys sorted as Hugging Face sorts them.
    package var jsonText: String {
        func optional(_ number: Int?) -> JSONValue { number.map { .integer($0) } ?? .null }
        return JSONValue.object([
            JSONMember("best_global_step", optional(bestStep)),
            JSONMember("best_metric", bestMetric.map { .real($0) } ?? .null),
            JSONMember("best_model_checkpoint", bestCheckpoint.map { .string($0) } ?? .null),
            JSONMember("epoch", .real(epoch)),
            JSONMember("eval_steps", optional(evaluationSteps)),
            JSONMember("global_step", .integer(globalStep)),
            JSONMember("is_hyper_param_search", .boolean(false)),
            JSONMember("is_local_process_zero", .boolean(true)),
            JSONMember("is_world_process_zero", .boolean(true)),
            JSONMember("log_history", .array(history.map(\.json))),
            JSONMember("logging_steps", .integer(loggingSteps)),
            JSONMember("max_steps", .integer(maxSteps)),
            JSONMember("num_input_tokens_seen", .integer(tokensSeen)),
            JSONMember("num_train_epochs", .integer(epochCount)),
            JSONMember("save_steps", optional(saveSteps)),
            JSONMember("stateful_callbacks", .object([])),
            JSONMember("total_flos", .integer(0)),
            JSONMember("train_batch_size", .integer(batchSize)),
            JSONMember("trial_name", .null),
            JSONMember("trial_params", .null),
        ]).indentedText()
    }

    /// Reads what `jsonText` writes.
    /// - Parameter path: the file, for the error.
    package init(jsonText: [UInt8], path: String) throws(RecordError) {
        let value: JSONValue
        do {
            value = try JSONParser.parse(jsonText)
        } catch {
            throw RecordError(.malformed, path: path, "this is not JSON: \(error)")
        }
        guard let maxSteps = value["max_steps"]?.integer(), let epochs = value["num_train_epochs"]?.integer(),
            let batchSize = value["train_batch_size"]?.integer(), let logging = value["logging_steps"]?.integer(),
            let epoch = value["epoch"]?.real, let step = value["global_step"]?.integer(),
            let history = value["log_history"]?.array
        else {
            throw RecordError(
                .malformed, path: path,
                "expected epoch, global_step, log_history, logging_steps, max_steps, num_train_epochs, train_batch_size"
            )
        }
        self.init(
            maxSteps: maxSteps, epochCount: epochs, batchSize: batchSize, loggingSteps: logging,
            evaluationSteps: value["eval_steps"]?.integer(), saveSteps: value["save_steps"]?.integer())
        bestMetric = value["best_metric"]?.real
        bestStep = value["best_global_step"]?.integer()
        bestCheckpoint = value["best_model_checkpoint"]?.string
        self.epoch = epoch
        globalStep = step
        tokensSeen = value["num_input_tokens_seen"]?.integer() ?? 0
        for (index, entry) in history.enumerated() {
            guard let read = LogEntry(json: entry) else {
                throw RecordError(
                    .malformed, path: path, "entry \(index) of log_history has no epoch, step and numbers")
            }
            self.history.append(read)
        }
    }
}

extension TrainerState.LogEntry {
    fileprivate var json: JSONValue {
        var members = values.map { JSONMember($0.key, .real($0.value)) }
        members.append(JSONMember("epoch", .real(epoch)))
        members.append(JSONMember("step", .integer(step)))
        return .object(members.sorted { $0.key < $1.key })
    }

    fileprivate init?(json: JSONValue) {
        guard let members = json.members, let epoch = json["epoch"]?.real, let step = json["step"]?.integer() else {
            return nil
        }
        var values: [String: Double] = [:]
        for member in members where member.key != "epoch" && member.key != "step" {
            guard let number = member.value.real else {
                return nil
            }
            values[member.key] = number
        }
        self.init(epoch: epoch, step: step, values: values)
    }
}
