//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import ExactSums
import Foundation
import LoRA
import Tensors
import Testing
import Training
import Transformer

@Suite("A whole run: probe, importance, decision, fine-tuning")
struct TrainingRunTests {
    /// A run with everything that was told of it.
    struct Told {
        let training: TestTraining
        let observer = RecordingObserver()
        let fleet: RecordingFleet
        let result: RunResult
        /// The probe's last state, where there was a probe.
        let probe: TrainingState?

        init(_ training: TestTraining, _ plan: RunPlan) throws {
            self.training = training
            let fleet = RecordingFleet(training.fleet(slots: 2, settings: plan.compute))
            self.fleet = fleet
            let observer = self.observer
            (result, probe) = try withFolder { folder in
                let result = try training.run(plan, in: folder, observer: observer, fleet: fleet)
                    .run(from: nil).result()
                let probe = try CheckpointStore.checkpointNames(in: folder).first { $0.contains("probe") }
                return (result, try probe.map { try training.store(folder).checkpoint(named: $0).state })
            }
        }

        var phases: [Phase] { observer.phases.map(\.phase) }
        var sums: [Int64] { observer.decisions[0].sums }
        var kept: [Int] { result.decision.keptLayers }
    }

    private static func selection(
        _ score: ImportanceScore = .output, threshold: Double = 0.5, granularity: DecisionGranularity = .layer
    ) -> LoRADropSettings {
        LoRADropSettings(sampleRatio: 0.5, threshold: threshold, granularity: granularity, score: score)
    }

    private func told(
        _ selection: LoRADropSettings, sharing: Sharing = .trained, targets: [String] = ["query", "value"],
        _ change: (inout RunPlan) -> Void = { _ in }
    ) throws -> Told {
        try Told(
            TestTraining(sharing: sharing, targets: targets),
            TestTraining.plan {
                $0.selection = selection
                change(&$0)
            })
    }

    @Test("the probe trains all layers on the sample, and its scores decide")
    func output() throws {
        let told = try told(Self.selection())
        #expect(told.phases == [.probe, .fineTune])
        let facts = told.observer.phases.map(\.facts)
        #expect(facts.map(\.totalSteps) == [6, 9])
        // 37 texts at a ratio of 0.5, rounded.
        #expect(facts.map(\.exampleCount) == [19, 37])
        #expect(told.observer.warnings.contains { $0.contains("the probe has only 6 steps on 19 examples") })
        #expect(told.fleet.setups[0].assignment == told.training.trainable.allOwn)
        #expect(
            told.fleet.works.map(\.kind) == [StepWork.Kind](repeating: .train, count: 6) + [.importance]
                + [StepWork.Kind](repeating: .train, count: 9))
        let probe = try #require(told.probe)
        #expect(probe.step == 6)

        // The decision is the one that the sums give, and the fine-tuning has what it says.
        let decision = try LayerDecision(
            sums: told.sums, targets: told.training.trainable.targets, settings: Self.selection(), seed: 11)
        #expect(told.result.decision == decision)
        #expect(!decision.keptLayers.isEmpty && decision.keptLayers.count < 3)
        let setup = told.fleet.setups[1]
        #expect(setup.state == nil, "a fresh start")
        for target in told.training.trainable.targets {
            let isKept = decision.keptLayers.contains(target.layer)
            #expect(setup.assignment.roles[target.index] == (isKept ? .own : .shared))
        }
        // Sums of squared norms of what the LoRA adds, over the sample's tokens, in fixed point.
        let importance = StepWork(
            kind: .importance, step: 0,
            shards: ShardPlan.shards(of: sample(told.training), shardTokens: 32))
        let fleet = told.training.fleet()
        _ = try fleet.begin(
            PhaseSetup(phase: .probe, totalSteps: 6, assignment: told.training.trainable.allOwn, state: probe))
        #expect(try fleet.sums(of: importance) == told.sums)
        #expect(told.result.progress.scoreTokenCount == importance.tokenCount)
    }

    private func sample(_ training: TestTraining) -> [TokenisedExample] {
        StratifiedSample.positions(of: training.examples, ratio: 0.5, seed: 11).map { training.examples[$0] }
    }

    @Test("the controls keep as many layers, other ones", arguments: [ImportanceScore.random, .reverse])
    func controls(score: ImportanceScore) throws {
        let output = try told(Self.selection())
        let control = try told(Self.selection(score))
        #expect(control.sums == output.sums)
        #expect(control.kept.count == output.kept.count)
        if score == .reverse {
            #expect(
                control.result.decision.candidates.map(\.layer)
                    == output.result.decision.candidates.map(\.layer).reversed())
        }
    }

    /// 2·B·A element by element.
    private static func product(_ branch: LowRankBranch) -> [Double] {
        var product: [Double] = []
        for row in 0..<branch.up.rowCount {
            for column in 0..<branch.down.columnCount {
                var element = 0.0
                for inner in 0..<branch.down.rowCount {
                    element += 2 * Double(branch.up[row, inner]) * Double(branch.down[inner, column])
                }
                product.append(element)
            }
        }
        return product
    }

    @Test("weight norms are those of the probe's LoRA, gradient scores its saliency")
    func otherScores() throws {
        let norms = try told(Self.selection(.weightNorm))
        let trainable = norms.training.trainable
        let layout = trainable.layout(trainable.allOwn)
        let probe = try #require(norms.probe)
        let bound = TrainableParameters(layout, values: probe.parameters, scale: 2)
        let first = trainable.targets[0].index
        let scale = Double(norms.sums[first]) / (ParameterScores.weightNorms(of: bound.branches)[first])
        for (projection, branch) in zip(trainable.projections, bound.branches) {
            guard let branch else {
                #expect(norms.sums[projection.index] == 0)
                continue
            }
            let norm = Self.product(branch).reduce(0) { $0 + $1 * $1 }.squareRoot()
            // Integers are in the ratio of the scores.
            let unit = Double(norms.sums[projection.index]) / norm
            #expect(abs(unit / scale - 1) < 1e-6, "\(projection.path)")
        }
        #expect(!norms.fleet.works.contains { $0.kind == .importance })

        let gradient = try told(Self.selection(.gradient))
        #expect(gradient.probe == probe)
        #expect(gradient.fleet.works.filter { $0.kind == .gradientScore }.count == 1)
        #expect(Set([gradient.sums, norms.sums, try told(Self.selection()).sums]).count == 3)
        #expect(trainable.targets.allSatisfy { gradient.sums[$0.index] > 0 })
    }

    @Test("modules are judged one by one where that is asked for")
    func modules() throws {
        let told = try told(Self.selection(granularity: .module), targets: ["query", "value", "intermediate.dense"])
        #expect(told.result.decision.candidates.count == 9)
        let roles = told.fleet.setups[1].assignment.roles
        let kept = told.result.decision.keptProjections
        #expect(!kept.isEmpty && kept.count < 9)
        for target in told.training.trainable.targets {
            #expect(roles[target.index] == (kept.contains(target.index) ? .own : .shared))
        }
    }

    @Test("a count says how many are kept, the scores which", arguments: [DecisionGranularity.layer, .module])
    func keepCount(granularity: DecisionGranularity) throws {
        var settings = Self.selection(granularity: granularity)
        settings.keepCount = 2
        let told = try told(settings)
        #expect(told.result.decision.candidates.map(\.isKept).filter(\.self).count == 2)
        #expect(told.result.decision.candidates[0].isKept && told.result.decision.candidates[1].isKept)
        settings.score = .random
        let random = try self.told(settings)
        #expect(random.phases == [.fineTune], "drawn by lot without a probe")
        #expect(random.result.decision.keptProjections.count == (granularity == .layer ? 4 : 2))
    }

    @Test("plain LoRA, everything shared and layers given by hand need no probe")
    func withoutProbe() throws {
        let plain = try told(Self.selection(threshold: 1))
        #expect(plain.kept == [0, 1, 2])
        let shared = try told(Self.selection(threshold: 0))
        #expect(shared.kept == [])
        var byHand = Self.selection()
        byHand.keepLayers = [2, 0]
        let chosen = try told(byHand)
        #expect(chosen.kept == [0, 2])
        for told in [plain, shared, chosen] {
            #expect(told.phases == [.fineTune])
            #expect(told.probe == nil)
            #expect(told.result.progress.probeSteps == nil)
            #expect(told.fleet.works.count == 9)
        }
        // query and value, A and B, rank 2, hidden size 36.
        let perLayer = 2 * 2 * 2 * 36
        #expect(plain.result.adapterParameterCount == 3 * perLayer)
        #expect(shared.result.adapterParameterCount == perLayer)
        #expect(chosen.result.adapterParameterCount == 3 * perLayer)
        for told in [plain, shared, chosen] {
            #expect(told.result.fullAdapterParameterCount == 3 * perLayer)
        }
        #expect(plain.result.finalState != chosen.result.finalState)
    }

    @Test("what the other layers have is trained, stays as it began, or is not there", arguments: Sharing.allCases)
    func sharing(sharing: Sharing) throws {
        var settings = Self.selection()
        settings.keepLayers = [1]
        settings.share = sharing != .absent
        let told = try told(settings, sharing: sharing)
        let layout = told.training.trainable.layout(told.result.assignment)
        let initial = told.training.trainable.initialParameters(told.result.assignment, phase: .fineTune, seed: 11)
        let final = told.result.finalState
        let shared = layout.tensors.filter { $0.name.hasPrefix("shared.") }
        #expect(shared.count == (sharing == .absent ? 0 : 4))
        for tensor in layout.tensors {
            let moved = final.parameters[tensor.range] != initial[tensor.range]
            let isFrozen = sharing == .frozen && tensor.name.hasPrefix("shared.")
            #expect(moved == !isFrozen, "\(tensor.name)")
            if isFrozen {
                #expect(final.firstMoment[tensor.range].allSatisfy { $0 == 0 })
                #expect(final.secondMoment[tensor.range].allSatisfy { $0 == 0 })
            }
        }
        // A LoRA that stays zero adds nothing: frozen and absent train the same numbers.
        if sharing == .absent {
            let frozen = try self.told(
                {
                    var settings = settings
                    settings.share = true
                    return settings
                }(), sharing: .frozen)
            let kept = layout.tensors.map(\.name)
            let frozenLayout = frozen.training.trainable.layout(frozen.result.assignment)
            let numbers = frozenLayout.tensors.filter { kept.contains($0.name) }
                .flatMap { frozen.result.finalState.parameters[$0.range] }
            #expect(numbers == final.parameters)
        }
    }

    @Test("a warm start goes on from the probe's LoRA, plain LoRA too", arguments: [0.5, 1])
    func warmStart(threshold: Double) throws {
        var settings = Self.selection(threshold: threshold)
        settings.warmStart = true
        let told = try told(settings)
        #expect(told.phases == [.probe, .fineTune])
        let probe = try #require(told.probe)
        let start = try #require(told.fleet.setups[1].state)
        #expect(start.step == 0)
        #expect(start.firstMoment.allSatisfy { $0 == 0 })
        let trainable = told.training.trainable
        let (layout, probeLayout) = (trainable.layout(told.result.assignment), trainable.layout(trainable.allOwn))
        let fresh = trainable.initialParameters(told.result.assignment, phase: .fineTune, seed: 11)
        for tensor in layout.tensors where !tensor.name.hasPrefix("shared.") {
            let source = try #require(probeLayout.tensors.first { $0.name == tensor.name })
            #expect(
                start.parameters[tensor.range]
                    == (tensor.group == .head ? fresh[tensor.range] : probe.parameters[source.range]))
        }
        #expect(told.fleet.works.contains { $0.kind == .importance } == (threshold < 1))
        settings.warmStart = false
        let cold = try self.told(settings)
        #expect(cold.result.finalState != told.result.finalState)
    }

    @Test("one seed, one result; another seed, another")
    func seeds() throws {
        let first = try told(Self.selection()).result
        #expect(try told(Self.selection()).result.finalState == first.finalState)
        #expect(try told(Self.selection()) { $0.compute.seed = 12 }.result.finalState != first.finalState)
    }
}
