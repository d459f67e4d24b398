//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives
import Datasets

/// What a training step computes, and how fast a worker does it.
package struct StepWorkload: Hashable, Sendable {
    /// Trained parameters, head included.
    package var parameterCount: Int
    /// Tokens of a step, of all workers.
    package var tokenCount: Int
    /// Necessary floating-point operations, forward and backward.
    package var operationsPerToken: Double
    /// A batch is cut into shards of about so many tokens; nil: the work can be divided at will.
    package var shardTokens: Int?
    /// What a worker computes with all its slots, in operations a second.
    package var operationsPerSecond: Double
    /// Threads of a worker, each with a shard at a time.
    package var slotCount: Int
    /// The update on one thread, digest included, in seconds a parameter.
    package var updateSecondsPerParameter: Double

    /// - Precondition: Counts and rates above zero, no negative time.
    package init(
        parameterCount: Int, tokenCount: Int, operationsPerToken: Double, shardTokens: Int? = 96,
        operationsPerSecond: Double = 80e9, slotCount: Int = 1, updateSecondsPerParameter: Double = 10e-9
    ) {
        precondition(
            parameterCount > 0 && tokenCount > 0 && operationsPerToken > 0 && shardTokens ?? 1 > 0
                && operationsPerSecond > 0 && slotCount > 0 && updateSecondsPerParameter >= 0,
            "a step of \(tokenCount) tokens and \(parameterCount) parameters at \(operationsPerSecond) operations/s")
        self.parameterCount = parameterCount
        self.tokenCount = tokenCount
        self.operationsPerToken = operationsPerToken
        self.shardTokens = shardTokens
        self.operationsPerSecond = operationsPerSecond
        self.slotCount = slotCount
        self.updateSecondsPerParameter = updateSecondsPerParameter
    }

    /// The shards of a step whose examples are short; 1 if the work can be divided at will.
    package var shardCount: Int {
        shardTokens.map {
            ShardPlan.shardCount(tokenCount: tokenCount, exampleCount: tokenCount, shardTokens: $0)
        } ?? 1
    }

    /// What is summed over all workers: the gradient, the loss, a lane for every shard.
    package var elementCount: Int { parameterCount + 1 + shardCount }

    /// The computing of that worker of `workerCount` that has most to do, in seconds.
    ///
    /// tokens · operations a token / (workers · operations a second), where the number of shards divides by that of the
    /// slots; otherwise as many rounds of shards as it takes.
    package func computeSeconds(workerCount: Int) -> Double {
        let alone = Double(tokenCount) * operationsPerToken / operationsPerSecond
        guard shardTokens != nil else { return alone / Double(workerCount) }
        let slots = workerCount * slotCount
        let turns = (shardCount + slots - 1) / slots
        return alone * Double(turns * slotCount) / Double(shardCount)
    }

    /// The update, which every worker does for itself, in seconds.
    package var updateSeconds: Double { Double(parameterCount) * updateSecondsPerParameter }
}

/// The time of a training step against the number of workers: compute, exchange, update, one after the other.
///
/// Not in it: the coordinator's messages, data, evaluation, checkpoints, and workers that wait for a slower one.
package struct StepTimeModel: Hashable, Sendable {
    package let workload: StepWorkload
    package let link: LinkModel

    package init(_ workload: StepWorkload, over link: LinkModel) {
        self.workload = workload
        self.link = link
    }

    /// A step of some number of workers.
    package struct Estimate: Hashable, Sendable {
        package let workerCount: Int
        package let computeSeconds: Double
        package let updateSeconds: Double
        package let exchange: ExchangeFormula
        /// Of the exchange, by `ExchangeSimulation`.
        package let simulatedSeconds: Double
        /// The step of one worker alone.
        fileprivate let aloneSeconds: Double

        /// The step, its exchange by the formula.
        package var stepSeconds: Double { computeSeconds + exchange.seconds + updateSeconds }

        /// How much faster than one worker, divided by the number of workers.
        package var efficiency: Double { aloneSeconds / stepSeconds / Double(workerCount) }

        /// By how much the formula is above the simulation, as a part of that; 0 where nothing is exchanged.
        package var deviation: Double {
            simulatedSeconds > 0 ? exchange.seconds / simulatedSeconds - 1 : 0
        }
    }

    /// The plan that workers on such links choose for the step's sums.
    package func plan(workerCount: Int) -> AllReducePlan {
        AllReducePlan(worldSize: workerCount, elementCount: workload.elementCount, costs: link.costs)
    }

    /// By formula, and the exchange by simulation too.
    /// - Throws: `BenchmarkError` as `ExchangeSimulation.run`.
    package func estimate(workerCount: Int) throws(BenchmarkError) -> Estimate {
        let plan = plan(workerCount: workerCount)
        return Estimate(
            workerCount: workerCount, computeSeconds: workload.computeSeconds(workerCount: workerCount),
            updateSeconds: workload.updateSeconds, exchange: ExchangeFormula(plan, over: link),
            simulatedSeconds: try ExchangeSimulation(plan, over: link).run().seconds,
            aloneSeconds: workload.computeSeconds(workerCount: 1) + workload.updateSeconds)
    }
}
