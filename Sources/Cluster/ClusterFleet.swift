//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Datasets
import Digests
import ExactSums
import LoRA
import Training
import Wire

/// The workers of a run as a fleet.
///
/// Called on the training's thread; the sockets belong to `CoordinatorLoop`.
final class ClusterFleet: Fleet {
    /// Steps that may be given out before the one in front of them is done, so that no worker waits for the network.
    private static let window = 2

    private let bridge: RunBridge
    private let settings: ComputeSettings
    private let stop: StopRequest
    /// Told of the passes that are given out and of the states that are asked for, as soon as they are.
    private let events: RunEventStream?
    private var setup: PhaseSetup?
    /// The state's digest after the last committed step.
    private var lastDigest: [UInt8] = []
    private var lastStep = 0

    init(bridge: RunBridge, settings: ComputeSettings, stop: StopRequest, events: RunEventStream? = nil) {
        self.bridge = bridge
        self.settings = settings
        self.stop = stop
        self.events = events
    }

    func begin(_ setup: PhaseSetup) throws -> Digest {
        self.setup = setup
        bridge.submit(.beginPhase(try PhaseStart(setup)))
        guard case .phaseBegan(let digest) = try bridge.nextAnswer(stop) else {
            throw unexpected("the start of a phase")
        }
        if let state = setup.state, state.digest.bytes != digest {
            throw ClusterError(
                code: .runFailed, message: "the workers took up another state than the one they were sent")
        }
        lastDigest = digest
        lastStep = setup.state?.step ?? 0
        return Digest(bytes: digest)
    }

    func train(
        _ steps: Range<Int>, work: (Int) throws -> StepWork, committed: (StepOutcome) throws -> Bool
    ) throws {
        var upcoming = steps.lowerBound
        var given: [StepWork] = []
        var goesOn = true
        while true {
            while goesOn, upcoming < steps.upperBound, given.count < Self.window {
                let next = try work(upcoming)
                give(next)
                given.append(next)
                upcoming += 1
            }
            guard !given.isEmpty else { return }
            guard case .stepDone(let report) = try bridge.nextAnswer(stop) else { throw unexpected("a step") }
            let work = given.removeFirst()
            lastDigest = report.digest
            lastStep = work.step + 1
            if !(try committed(outcome(report, work))) {
                goesOn = false
            }
        }
    }

    func sums(of work: StepWork) throws -> [Int64] {
        give(work)
        events?.tellAndWait(.reached(.importance))
        guard case .sumsDone(let sums) = try bridge.nextAnswer(stop) else { throw unexpected("the sums of a pass") }
        return sums
    }

    func predict(_ work: StepWork) throws -> [Prediction] {
        give(work)
        events?.tellAndWait(.reached(.evaluation))
        guard case .predicted(let predictions) = try bridge.nextAnswer(stop) else { throw unexpected("predictions") }
        return predictions
    }

    func generate(_ work: StepWork) throws -> [GeneratedText] {
        give(work)
        events?.tellAndWait(.reached(.evaluation))
        guard case .generated(let texts) = try bridge.nextAnswer(stop) else { throw unexpected("generated texts") }
        return texts
    }

    func snapshot() throws -> TrainingState {
        bridge.submit(.snapshot)
        events?.tellAndWait(.reached(.checkpoint))
        guard case .snapshot(let snapshot) = try bridge.nextAnswer(stop) else { throw unexpected("a snapshot") }
        let state = try TrainingState(bytes: snapshot.state)
        guard state.digest.bytes == lastDigest else {
            throw ClusterError(
                code: .runFailed,
                message: "the snapshot of step \(lastStep) has another digest (\(state.digest)) than the step")
        }
        return state
    }

    private func give(_ work: StepWork) {
        bridge.submit(
            .give(
                Work(
                    id: WorkIdentity(work.header).number,
                    kind: work.kind.isExchanged ? .collective : .independent,
                    description: description(of: work.header), shardTokens: work.shards.map(\.tokenCount),
                    resultingStep: work.kind == .train ? work.step + 1 : nil),
                work))
    }

    private func description(of header: StepHeader) -> String {
        let phase = setup?.phase.name ?? "run"
        return switch header.kind {
        case .train: "step \(header.step + 1) of the \(phase)"
        case .importance, .gradientScore: "the scoring pass"
        case .predict: "the evaluation"
        case .generate: "the evaluation's texts"
        }
    }

    private func outcome(_ report: StepReport, _ work: StepWork) -> StepOutcome {
        let header = work.header
        let scale = FixedPointScale(count: header.lossCount, addends: header.shardCount)
        return StepOutcome(
            step: header.step, loss: scale.mean(report.lossSum), gradientNorm: report.gradientNorm,
            learningRate: setup.map { settings.learningRate(of: $0, step: header.step) } ?? 0,
            digest: Digest(bytes: report.digest), exampleCount: header.exampleCount, tokenCount: header.tokenCount,
            examples: work.exampleIDs)
    }

    private func unexpected(_ awaited: String) -> ClusterError {
        ClusterError(code: .unexpectedMessage, message: "the cluster answered something else than \(awaited)")
    }
}
