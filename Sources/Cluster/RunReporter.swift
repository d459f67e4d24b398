//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Digests
import Files
import Foundation
import LoRA
import Metrics
import RunConfiguration
import RunRecords
import SecureTransport
import Training
import Transformer
import Wire

/// Tells how a run goes: on the console, in the log files, in the journal, and at the end in the result files.
///
/// `@unchecked Sendable`: the training's and the network's thread both call it; all mutable state is behind `lock`.
final class RunReporter: @unchecked Sendable {
    private let lock = NSLock()
    private let folder: RunFolder
    private let preparation: RunPreparation
    private let settings: RunSettings
    private let console: any Console
    private let logs: LogFiles
    private let journal: Journal
    /// Told of what happens, where somebody asked for it.
    private let events: RunEventStream?
    private var ledger: CommitLedger
    private var meter = ProgressMeter()
    private var phase: PhaseFacts?
    private var totalSteps = 0
    private var lastStep: (phase: String, step: Int)?
    /// When the last two steps were committed: what a failure came from is no older.
    private var commitTimes = (previous: Int.min, last: Int.min)
    private var equalLines = EqualLines()
    private var hosts: [String: String] = [:]
    private var standings: [FailureCard.Standing] = []

    /// Opens the log files and the journal of a folder that this process has claimed.
    init(
        folder: RunFolder, incarnation: UInt64, preparation: RunPreparation, console: any Console,
        events: RunEventStream? = nil
    ) throws {
        self.folder = folder
        self.events = events
        self.preparation = preparation
        settings = preparation.settings
        self.console = console
        logs = try LogFiles(
            folder, incarnation: incarnation, minimum: LogLevel(preparation.settings.log.level))
        journal = try Journal(folder.journal)
        ledger = CommitLedger(journal.recovered.records)
        try journal.append(.opened(incarnation: incarnation), wallNanoseconds: RunClock.now())
    }

    /// What was read, before anybody joins.
    func prepared() {
        let data = preparation.data
        let model = preparation.model.configuration
        informed(
            "\(settings.model): \(model.modelType), \(model.layerCount) layers, hidden size \(model.hiddenSize)")
        let validation = data.validation.map { ", \($0.examples.count) for validation" } ?? ""
        let labels = data.labels.isEmpty ? "" : "; labels \(data.labels.joined(separator: ", "))"
        informed("\(data.train.count) examples to train on\(validation)\(labels)")
        let (train, held) = preparation.truncatedCounts
        if train + held > 0 {
            warned(
                "\(train + held) rows were longer than training.max_sequence_length "
                    + "(\(settings.training.maxSequenceLength) tokens) and were cut: \(train) of the training set, "
                    + "\(held) of the validation set")
        }
    }

    func rosterReady(_ roster: Coordination.Roster) {
        informed("the roster of generation \(roster.generation):")
        for member in roster.members {
            informed("  \(member.name) at \(member.dataEndpoint), \(member.slots) slot\(member.slots == 1 ? "" : "s")")
        }
        record(.roster(generation: UInt64(roster.generation), workers: roster.members.map(\.name)))
        events?.tell(.rosterReady(generation: Int(roster.generation), workers: roster.members.map(\.name)))
    }

    /// Shows what still waits to be shown.
    func flushConsole() {
        show(lock.withLock { equalLines.flush() })
    }

    /// The run has ended without a result.
    ///
    /// Whoever called it shows the reason; here it goes to the files, and if the cluster has failed, what is known of it
    /// to the console.
    func failed(_ error: any Error) {
        lock.withLock { logs.write(.error, "run-failed", "\(error)") }
        flushConsole()
        guard let failure = error as? RunFailure else { return }
        let card = lock.withLock {
            var facts = FailureCard.Facts(failure: failure.description, folder: folder.path)
            facts.workers = failure.workers
            facts.place = lastStep.map { "after step \($0.step) of \(phase?.totalSteps ?? 0) of the \($0.phase)" }
            facts.hosts = hosts
            facts.standings = standings
            facts.recent = logs.recent
            facts.since = commitTimes.previous
            return FailureCard(facts)
        }
        show(card.lines)
    }

    /// Writes `trainer_state.json` and `all_results.json`, and shows the result.
    /// - Parameter costs: Who computed how much.
    func finished(_ result: RunResult, costs: WorkerCosts) throws {
        try AtomicFile.write(result.trainerState.jsonText, to: folder.trainerState)
        let adapterBytes = try AtomicFile.read(folder.adapterWeights) ?? []
        try keep(.finished(adapterDigest: Digest(of: adapterBytes).description), flush: true)
        // The last file to be written: its presence says that the run is finished.
        try AtomicFile.write(
            AllResults(result, preparation: preparation).jsonText, to: folder.allResults)
        flushConsole()
        if costs.parts.count > 1 {
            lock.withLock { logs.write(.info, "worker-costs", costs.lines.joined(separator: "\n")) }
            console.line("")
            console.line("Workers, in the steps since this start of the coordinator")
            for line in costs.lines { console.line(line) }
        }
        for line in ResultSummary(result, preparation: preparation, folder: folder).lines {
            console.line(line)
        }
    }

    /// Writes a fact that the run can do without: if it cannot be written, that is logged and the run goes on.
    private func record(_ event: JournalEvent) {
        do {
            try keep(event, flush: false)
        } catch {
            write(.error, "journal-failed", "\(error)")
        }
    }

    /// Writes a fact that must not be lost.
    private func keep(_ event: JournalEvent, flush: Bool) throws {
        try lock.withLock {
            try journal.append(event, wallNanoseconds: RunClock.now())
            if flush {
                try journal.flush()
            }
        }
    }
}

extension RunReporter: RunLog {
    func write(_ level: LogLevel, _ event: String, _ message: String) {
        lock.withLock { logs.write(level, event, message) }
        events?.tell(.logged(event: event, message: message))
        switch level {
        case .trace, .debug: break
        case .info: console.line(DisplayText.line(message))
        case .warning, .error: console.line("\(level.rawValue): \(DisplayText.line(message))")
        }
    }

    func take(_ batch: LogBatch, from worker: String) -> LogAcknowledgement? {
        let (fresh, acknowledgement) = lock.withLock { logs.take(batch, from: worker) }
        show(fresh)
        return acknowledgement
    }

    /// A supervisor's records, which nobody else keeps.
    func keep(_ records: [LogRecord]) {
        lock.withLock { logs.keep(records) }
        show(records)
    }

    /// Records that a worker could not deliver itself.
    /// - Returns: Whether they are written.
    func take(_ records: [LogRecord]) -> Bool {
        lock.withLock { logs.take(records) }
    }

    func linkEstablished(_ worker: String, _ hello: Hello) {
        lock.withLock {
            hosts[worker] = hello.hostName
            logs.linkEstablished(worker, incarnation: hello.incarnation)
        }
    }

    func heard(_ heartbeat: Heartbeat, from worker: String) {
        show(
            lock.withLock {
                logs.heard(worker, monotonicNanoseconds: heartbeat.monotonicNanoseconds)
                return equalLines.due(at: Int(MonotonicClock.now().nanoseconds))
            })
    }

    func failing(_ failure: RunFailure, _ standings: [FailureCard.Standing]) {
        lock.withLock {
            self.standings = standings
            logs.write(.error, LogEvents.runFailing, failure.description)
            for standing in standings {
                logs.write(.info, "standing", "\(standing.worker) \(standing.activity)")
            }
        }
    }

    /// What people want to see at once: warnings and errors, equal ones of many workers as one line.
    ///
    /// What a process wrote to stderr is left to the files: it may be much.
    private func show(_ records: [LogRecord]) {
        let shown = records.filter { $0.level >= .warning && $0.event != LogEvents.stderr }
        guard !shown.isEmpty else { return }
        let now = Int(MonotonicClock.now().nanoseconds)
        show(
            lock.withLock {
                shown.flatMap { equalLines.take(DisplayText.line($0.message), of: $0.worker, at: now) }
            })
    }

    private func show(_ lines: [String]) {
        for line in lines {
            console.line(line)
        }
    }
}

extension RunReporter: RunObserver {
    func phaseBegan(_ phase: Training.Phase, facts: PhaseFacts) {
        lock.withLock {
            self.phase = facts
            meter = ProgressMeter()
        }
        informed(
            "\(phase.name): \(facts.exampleCount) examples, \(facts.totalSteps - facts.startStep) steps"
                + (facts.startStep > 0 ? " from step \(facts.startStep)" : "")
                + ", \(facts.adapterParameterCount) LoRA parameters and \(facts.headParameterCount) of the head")
        record(
            .phaseBegan(
                phase: phase.name, stepCount: facts.totalSteps, exampleCount: facts.exampleCount,
                stepsPerEpoch: facts.stepsPerEpoch))
        events?.tell(.phaseBegan(phase: phase.name, step: facts.startStep))
    }

    func stepCommitted(_ phase: Training.Phase, outcome: StepOutcome) throws {
        let seconds = Double(MonotonicClock.now().nanoseconds) * 1e-9
        let line = lock.withLock {
            lastStep = (phase.name, outcome.step + 1)
            commitTimes = (commitTimes.last, RunClock.now())
            meter.observe(tokens: outcome.tokenCount, loss: outcome.loss, at: seconds)
            let total = self.phase?.totalSteps ?? 0
            return ProgressLine(
                phase: phase.name, step: outcome.step + 1, stepCount: total, loss: meter.loss,
                tokensPerSecond: meter.tokensPerSecond, secondsLeft: meter.secondsLeft(total - outcome.step - 1))
        }
        let digest = outcome.digest.description
        // With mixed kernels the user gave up that a redo gives the same bits.
        let isNew =
            try settings.cluster.allowMixedKernels
            || lock.withLock {
                try ledger.take(
                    phase: phase.name, step: outcome.step + 1, digest: digest, examples: outcome.examples)
            }
        if isNew {
            try keep(
                .commit(phase: phase.name, step: outcome.step + 1, digest: digest, examples: outcome.examples),
                flush: false)
        }
        events?.tellAndWait(.committed(phase: phase.name, step: outcome.step + 1))
        if console.isTerminal {
            console.progress(line.text())
        } else if (outcome.step + 1) % settings.training.loggingSteps == 0 || outcome.step + 1 == line.stepCount {
            console.line(line.text())
        }
    }

    func logged(_ phase: Training.Phase, entry: HistoryEntry) {
        lock.withLock {
            logs.write(
                .debug, "training", "step \(entry.step): loss \(entry.loss ?? .nan)",
                fields: entry.values.mapValues { .real($0) })
        }
    }

    func evaluated(_ entry: HistoryEntry) {
        let shown = entry.evaluation.sorted { $0.key < $1.key }
            .filter { !$0.key.hasSuffix("runtime") && !$0.key.hasSuffix("per_second") }
            .map { "\($0.key) \(ResultSummary.rounded($0.value))" }
        informed("evaluation after step \(entry.step): \(shown.joined(separator: ", "))")
        record(.evaluation(phase: Training.Phase.fineTune.name, step: entry.step, metrics: entry.evaluation))
    }

    /// The decision is on disk before anybody acts on it.
    func decided(_ decision: LayerDecision, sums: [Int64]) throws {
        events?.tellAndWait(.reached(.decision))
        for line in ResultSummary.table(of: decision, preparation: preparation) {
            informed(line)
        }
        let targets = preparation.trainable.targets
        try keep(
            .decision(
                JournalDecision(
                    modules: targets.map(\.path),
                    sums: targets.map { sums[$0.index] }, exponent: -40,
                    kept: targets.filter { decision.keptProjections.contains($0.index) }.map(\.path))), flush: true)
    }

    func checkpointWritten(_ checkpoint: Checkpoint) throws {
        let state = checkpoint.state
        write(.debug, "checkpoint", "\(checkpoint.name) is written")
        try keep(
            .checkpoint(
                phase: state.phase.name, step: state.step, digest: state.digest.description, folder: checkpoint.name),
            flush: true)
    }

    func warned(_ message: String) { write(.warning, "warning", message) }
    func informed(_ message: String) { write(.info, "progress", message) }
}
