//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import Foundation
import LoRA
import Metrics
import Tensors
import Testing
import Training
import Transformer

/// A small training on a committed model: 3 layers, 5 labels, texts of 1 to 17 tokens.
struct TestTraining {
    let model: BaseModel
    let trainable: TrainableModel
    let examples: [TokenisedExample]

    init(
        dropout: Double = 0, sharing: Sharing = .trained, targets: [String] = ["query", "value"],
        exampleCount: Int = 37
    ) throws {
        model = try BaseModel(folder: Vectors.model("odd"), trainPooler: false)
        trainable = try model.trainable(
            lora: LoRASettings(adapterRank: 2, alpha: 4, dropout: dropout, targetModules: targets), labelCount: 5,
            sharing: sharing)
        var draws = TestDraws(state: 7)
        examples = (0..<exampleCount).map { Self.example($0, &draws) }
    }

    /// A text whose label can be learned: it is told by the first token.
    private static func example(_ index: Int, _ draws: inout TestDraws) -> TokenisedExample {
        let tokens = (0..<Int.random(in: 1...17, using: &draws)).map { _ in Int32.random(in: 1..<90, using: &draws) }
        return TokenisedExample(
            index: UInt32(index), tokenIDs: tokens, tokenTypeIDs: tokens.map { $0 % 2 },
            target: .classIndex(Int(tokens[0]) % 5))
    }

    static func settings(
        loss: Loss = .crossEntropy, learningRate: Double = 0.02, schedule: LearningRateSchedule.Shape = .linear,
        precision: MatmulPrecision = .highest, keepsSplitWeights: Bool = false
    ) -> ComputeSettings {
        ComputeSettings(
            optimizer: OptimizerSettings(learningRate: learningRate, headLearningRate: 0.01, weightDecay: 0.01),
            probeLearningRate: learningRate, schedule: schedule, warmup: .ratio(0), loss: loss, seed: 11,
            matmulPrecision: precision,
            keepsSplitWeights: keepsSplitWeights)
    }

    /// Layer 1 keeps a LoRA of its own; the others share one.
    var mixed: AdapterAssignment {
        AdapterAssignment(
            targets: trainable.targets, kept: Set(trainable.targets.filter { $0.layer == 1 }.map(\.index)),
            sharesRest: true, projectionCount: trainable.projections.count)
    }

    func setup(_ totalSteps: Int = 4, state: TrainingState? = nil) -> PhaseSetup {
        PhaseSetup(phase: .fineTune, totalSteps: totalSteps, assignment: mixed, state: state)
    }

    func trainer(
        slots: Int = 1, settings: ComputeSettings = Self.settings(), setup: PhaseSetup? = nil,
        layerDone: @escaping @Sendable () -> Void = {}
    ) throws -> PhaseTrainer {
        try PhaseTrainer(
            model: model.model, settings: settings, trainable: trainable, setup: setup ?? self.setup(),
            pool: SlotPool(slotCount: slots), layerDone: layerDone)
    }

    func batches(_ phase: Phase = .fineTune) -> BatchSchedule {
        BatchSchedule(phase: phase, examples: examples, batchSize: 16, shardTokens: 32, seed: 11)
    }

    func fleet(slots: Int = 1, settings: ComputeSettings = Self.settings()) -> LocalFleet {
        LocalFleet(model: model.model, settings: settings, trainable: trainable, slots: slots)
    }

    /// Labels are judged by the accuracy on the first examples.
    var validation: EvaluationSet {
        EvaluationSet(
            examples: Array(examples.prefix(15)), loss: .crossEntropy, metrics: [.accuracy], positiveLabel: 1,
            shardTokens: 32)
    }

    var data: RunData {
        RunData(train: examples, validation: validation, labels: ["a", "b", "c", "d", "e"])
    }

    /// A plan of 9 fine-tuning steps, 3 an epoch, evaluated each epoch; the probe has 6 steps on 19 examples.
    static func plan(_ change: (inout RunPlan) -> Void = { _ in }) -> RunPlan {
        var plan = RunPlan(
            compute: settings(), lora: LoRASettings(adapterRank: 2, alpha: 4),
            selection: LoRADropSettings(sampleRatio: 0.5, threshold: 0.5), epochs: 3, maxSteps: nil, batchSize: 16,
            accumulationSteps: 1, shardTokens: 32, evaluation: .everyEpoch, loggingSteps: 2, saving: .everyEpoch,
            saveTotalLimit: nil,
            earlyStoppingPatience: nil, earlyStoppingThreshold: 0, loadsBestAtEnd: false, bestMetric: .accuracy)
        change(&plan)
        return plan
    }

    func store(_ folder: URL, digest: String = "configuration") -> CheckpointStore {
        CheckpointStore(folder: folder, resultDigest: digest) { [trainable] state, layout, _, place in
            try PEFTAdapter.write(
                TrainableParameters(layout, values: state.parameters, scale: trainable.lora.scale),
                settings: trainable.lora, projections: trainable.projections, baseModel: nil, record: nil,
                to: place.path)
        }
    }

    func run(
        _ plan: RunPlan, in folder: URL, observer: RecordingObserver = RecordingObserver(), fleet: (any Fleet)? = nil,
        data: RunData? = nil, trace: TrainingTrace? = nil
    ) -> TrainingRun {
        TrainingRun(
            plan: plan, data: data ?? self.data, trainable: trainable,
            fleet: fleet ?? self.fleet(settings: plan.compute), store: store(folder), observer: observer,
            stop: observer.stop, trace: trace, now: { 0 })
    }

    /// Runs a plan from beginning to end.
    func finish(
        _ plan: RunPlan, observer: RecordingObserver = RecordingObserver(), fleet: (any Fleet)? = nil
    ) throws -> RunResult {
        try withFolder { try run(plan, in: $0, observer: observer, fleet: fleet).run(from: nil).result() }
    }
}

extension RunEnd {
    /// The result of a run that must have ended.
    func result() throws -> RunResult {
        guard case .finished(let result) = self else {
            Issue.record("the run was stopped")
            throw CancellationError()
        }
        return result
    }

    var isStopped: Bool {
        if case .stopped = self { true } else { false }
    }
}

/// Keeps all that a run tells, and stops it after a number of steps.
final class RecordingObserver: RunObserver {
    let stop = StopRequest()
    /// Steps of both phases after which the run is asked to stop.
    private let stopsAfter: Int?
    private(set) var phases: [(phase: Phase, facts: PhaseFacts)] = []
    private(set) var outcomes: [(phase: Phase, outcome: StepOutcome)] = []
    private(set) var entries: [HistoryEntry] = []
    private(set) var evaluations: [HistoryEntry] = []
    private(set) var decisions: [(decision: LayerDecision, sums: [Int64])] = []
    private(set) var checkpoints: [String] = []
    private(set) var warnings: [String] = []
    private(set) var messages: [String] = []

    init(stopsAfter: Int? = nil) {
        self.stopsAfter = stopsAfter
    }

    func phaseBegan(_ phase: Phase, facts: PhaseFacts) { phases.append((phase, facts)) }
    func stepCommitted(_ phase: Phase, outcome: StepOutcome) {
        outcomes.append((phase, outcome))
        if outcomes.count == stopsAfter {
            stop.request()
        }
    }
    func logged(_ phase: Phase, entry: HistoryEntry) { entries.append(entry) }
    func evaluated(_ entry: HistoryEntry) { evaluations.append(entry) }
    func decided(_ decision: LayerDecision, sums: [Int64]) { decisions.append((decision, sums)) }
    func checkpointWritten(_ checkpoint: Checkpoint) { checkpoints.append(checkpoint.name) }
    func warned(_ message: String) { warnings.append(message) }
    func informed(_ message: String) { messages.append(message) }
}

/// The end of a `RecordingFleet`.
struct Death: Error {}

/// A fleet that keeps what it was asked for, and may lose predictions or die.
final class RecordingFleet: Fleet {
    private let fleet: LocalFleet
    private let losesPredictions: Bool
    /// The step of the fine-tuning that is never begun.
    private let diesAt: Int?
    private(set) var setups: [PhaseSetup] = []
    private(set) var works: [StepHeader] = []

    init(_ fleet: LocalFleet, losesPredictions: Bool = false, diesAt: Int? = nil) {
        self.fleet = fleet
        self.diesAt = diesAt
        self.losesPredictions = losesPredictions
    }

    func begin(_ setup: PhaseSetup) throws -> Digest {
        setups.append(setup)
        return try fleet.begin(setup)
    }

    func train(_ steps: Range<Int>, work: (Int) throws -> StepWork, committed: (StepOutcome) throws -> Bool) throws {
        try fleet.train(
            steps,
            work: { step in
                let work = try work(step)
                if step == diesAt, setups.last?.phase == .fineTune { throw Death() }
                works.append(work.header)
                return work
            }, committed: committed)
    }

    func sums(of work: StepWork) throws -> [Int64] {
        works.append(work.header)
        return try fleet.sums(of: work)
    }

    func predict(_ work: StepWork) throws -> [Prediction] {
        Array(try fleet.predict(work).dropFirst(losesPredictions ? 1 : 0))
    }

    func generate(_ work: StepWork) throws -> [GeneratedText] {
        works.append(work.header)
        return Array(try fleet.generate(work).dropFirst(losesPredictions ? 1 : 0))
    }

    func snapshot() throws -> TrainingState { try fleet.snapshot() }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the same numbers each time.
struct TestDraws: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
