//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Benchmarks
import Collectives
import JSONText
import Testing

@Suite("A model of a step")
struct StepTimeModelTests {
    private let link = LinkModel(latency: 200e-6, bytesPerSecond: 125e6)

    private func workload(shardTokens: Int?) -> StepWorkload {
        StepWorkload(
            parameterCount: 62_210, tokenCount: 365, operationsPerToken: 36.7e6, shardTokens: shardTokens,
            operationsPerSecond: 80e9, updateSecondsPerParameter: 10e-9)
    }

    @Test("the formula is within a fiftieth of the simulation", arguments: Array(2...16) + [33, 64, 100, 256])
    func agreement(worldSize: Int) throws {
        let isLarge = worldSize > 16
        for count in isLarge ? [worldSize, 62_215, 1_000_000] : [worldSize, 1000, 16_384, 62_215, 300_000, 1_000_000] {
            for latency in isLarge ? [20e-6, 200e-6] : [0, 20e-6, 200e-6, 5e-3] {
                for rate in isLarge ? [125e6, 1.25e9] : [12.5e6, 125e6, 1.25e9] {
                    let link = LinkModel(latency: latency, bytesPerSecond: rate)
                    let chosen = AllReducePlan(worldSize: worldSize, elementCount: count, costs: link.costs)
                    for algorithm in Set([chosen.algorithm, .direct, .ring]) {
                        let plan = AllReducePlan(algorithm: algorithm, worldSize: worldSize, elementCount: count)
                        let formula = ExchangeFormula(plan, over: link).seconds
                        let simulated = try ExchangeSimulation(plan, over: link).run().seconds
                        #expect(
                            abs(formula / simulated - 1) < 0.02,
                            "\(plan), \(latency) s, \(rate) bytes/s: \(formula) s by formula, \(simulated) s simulated")
                    }
                }
            }
        }
    }

    @Test("what is chosen is what the simulation finds fastest, or nearly")
    func choice() throws {
        for elementByteCount in [4, 5] {
            let link = LinkModel(latency: 200e-6, bytesPerSecond: 125e6, elementByteCount: elementByteCount)
            for worldSize in [2, 3, 4, 8, 32] {
                for count in [1, 1000, 16_384, 300_000, 1_000_000] {
                    let algorithms = [AllReducePlan.Algorithm.broadcast, .direct, .ring]
                    let times = try algorithms.map {
                        let plan = AllReducePlan(algorithm: $0, worldSize: worldSize, elementCount: count)
                        return try ExchangeSimulation(plan, over: link).run().seconds
                    }
                    let plan = AllReducePlan(worldSize: worldSize, elementCount: count, costs: link.costs)
                    let chosen = try #require(algorithms.firstIndex(of: plan.algorithm))
                    #expect(times[chosen] < 1.02 * times.reduce(.infinity, min), "\(plan): \(times) s")
                }
            }
        }
    }

    @Test("computing is shared as far as there are shards, the update is not")
    func computing() throws {
        let alone = 365 * 36.7e6 / 80e9
        let atWill = workload(shardTokens: nil)
        #expect(abs(atWill.computeSeconds(workerCount: 8) - alone / 8) < 1e-12)
        // 365 tokens are four shards of about 96: three workers take two turns, from four on there is nothing to gain.
        let cut = workload(shardTokens: 96)
        #expect(cut.shardCount == 4)
        #expect(cut.elementCount == 62_210 + 1 + 4)
        for (workers, part) in [(1, 1.0), (2, 0.5), (3, 0.5), (4, 0.25), (5, 0.25), (256, 0.25)] {
            #expect(abs(cut.computeSeconds(workerCount: workers) - alone * part) < 1e-12)
        }
        // The worker's rate is that of both slots, of which one has nothing to do with eight for four shards.
        var slots = cut
        slots.slotCount = 2
        #expect(abs(slots.computeSeconds(workerCount: 4) - alone / 2) < 1e-12)
        #expect(abs(cut.updateSeconds - 622.1e-6) < 1e-12)
    }

    @Test("a step is its parts, and one worker exchanges nothing")
    func steps() throws {
        let model = StepTimeModel(workload(shardTokens: nil), over: link)
        let one = try model.estimate(workerCount: 1)
        #expect(one.exchange.seconds == 0)
        #expect(one.exchange.totalByteCount == 0)
        #expect(one.efficiency == 1)
        let four = try model.estimate(workerCount: 4)
        #expect(four.exchange.plan.algorithm == .direct)
        #expect(four.stepSeconds == four.computeSeconds + four.exchange.seconds + four.updateSeconds)
        #expect(abs(four.efficiency - one.stepSeconds / four.stepSeconds / 4) < 1e-12)
        #expect(abs(four.deviation) < 0.02)
    }

    @Test("LoRA-drop saves the bytes of the layers that share")
    func savings() throws {
        let shape = AdapterShape(
            layerCount: 6, hiddenSize: 384, targetCount: 2, adapterRank: 8, headParameterCount: 770, keptShare: 0.67)
        #expect(shape.keptLayerCount == 4)
        #expect(shape.allParameterCount == 73_728)
        #expect(shape.keptParameterCount == 61_440)
        let model = StepTimeModel(workload(shardTokens: 96), over: link)
        let saving = shape.saving(model, workerCount: 8)
        #expect(saving.all.plan.partition.elementCount == 73_728 + 770 + 5)
        // One LoRA pair of two targets: 12,288 elements of four bytes, seven eighths of them twice.
        #expect(saving.bytesPerWorker == 12_288 * 4 * 2 * 7 / 8)
        #expect(abs(saving.share - 12_288 / 74_503) < 1e-12)
        // One layer that shares with none saves nothing; none that is kept leaves the shared LoRA.
        var other = shape
        other.keptShare = 5 / 6
        #expect(other.keptParameterCount == 73_728)
        other.keptShare = 0
        #expect(other.keptParameterCount == 12_288)
    }

    @Test("the report says the same to people and to programs")
    func report() throws {
        let shape = AdapterShape(
            layerCount: 6, hiddenSize: 384, targetCount: 2, adapterRank: 8, headParameterCount: 770, keptShare: 0.5)
        let model = StepTimeModel(workload(shardTokens: 96), over: link)
        let report = try StepModelReport(model, shape: shape, workerCounts: [1, 2, 16])
        #expect(report.text.contains("a step    365 tokens of 36.7 MFLOP, 4 shards, 62210 trained parameters"))
        #expect(report.text.contains("LoRA-drop, 3 of 6 layers kept"))
        let value = try JSONParser.parse(report.jsonText)
        #expect(value["command"]?.string == "bench model")
        #expect(value["kept_lora_parameters"]?.integer() == 49_152)
        let steps = try #require(value["steps"]?.array)
        #expect(steps.map { $0["workers"]?.integer() } == [1, 2, 16])
        #expect(steps.map { $0["schedule"]?.string } == report.estimates.map(\.exchange.plan.algorithm.rawValue))
        #expect(steps.map { $0["step_seconds"]?.real } == report.estimates.map(\.stepSeconds))
        #expect(
            value["lora_drop"]?.array?.map { $0["saved_bytes_per_worker"]?.real }
                == report.savings.map(\.bytesPerWorker))
    }
}
