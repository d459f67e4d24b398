//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Collectives
import SecureTransport

/// All-reduces over real TLS links, one after the other, of random lengths, by all algorithms, with workers that come
/// late: whether one ever hangs or gives a wrong sum.
///
/// The workers are threads of this process with links over loopback, each with a certificate of its own.
package struct AllReduceSoak: Sendable {
    /// What is run.
    package struct Settings: Hashable, Sendable {
        /// Rounds in all; each number of workers gets an equal share.
        package var rounds: Int
        /// Numbers of workers.
        package var worldSizes: [Int]
        /// The longest vector, in elements; the logarithm of the length is uniform.
        package var maximumElementCount: Int
        /// Decides lengths, algorithms, values and lateness.
        package var seed: UInt64
        /// A round in which worker 0 alters one of its elements, so that the sum is wrong: for the soak's own test.
        package var damagedRound: Int?

        package init(
            rounds: Int, worldSizes: [Int], maximumElementCount: Int = 300_000, seed: UInt64, damagedRound: Int? = nil
        ) {
            self.rounds = rounds
            self.worldSizes = worldSizes
            self.maximumElementCount = maximumElementCount
            self.seed = seed
            self.damagedRound = damagedRound
        }
    }

    /// What was run with one number of workers.
    package struct Outcome: Hashable, Sendable {
        package let worldSize: Int
        package let rounds: Int
        /// Over all rounds.
        package let elementCount: Int
        /// How many rounds went by each algorithm.
        package let roundsByAlgorithm: [String: Int]
        package let duration: Duration

        /// One line for people.
        package var text: String {
            let ways = roundsByAlgorithm.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            return "\(worldSize) workers: \(rounds) rounds, \(elementCount) elements in all "
                + "(\(ways.joined(separator: ", "))), every sum right, in \(duration)"
        }
    }

    /// An exchange that is not done by then counts as hanging.
    private static let patience = Duration.seconds(120)

    private let settings: Settings

    package init(_ settings: Settings) {
        self.settings = settings
    }

    /// Runs all rounds.
    /// - Parameter report: Told when all rounds of a number of workers are done.
    /// - Throws: `BenchmarkError` with the first round that failed, and what repeats it.
    package func run(report: (Outcome) -> Void) throws {
        for (place, worldSize) in settings.worldSizes.enumerated() {
            let (share, rest) = settings.rounds.quotientAndRemainder(dividingBy: settings.worldSizes.count)
            report(try run(worldSize: worldSize, rounds: share + (place < rest ? 1 : 0)))
        }
    }

    private func run(worldSize: Int, rounds: Int) throws -> Outcome {
        let start = MonotonicClock.now()
        try LoopbackWorkers(worldSize: worldSize).run { [self] links in
            let reducer = AllReducer(links: links)
            try reducer.measureCosts(deadline: .now + Self.patience)
            for number in 0..<rounds {
                do {
                    let round = SoakRound(settings, worldSize: worldSize, round: number)
                    try exchange(
                        round, reducer, links.workerRank,
                        isDamaged: number == settings.damagedRound && links.workerRank == 0)
                } catch {
                    throw BenchmarkError(
                        "round \(number) of \(rounds) with \(worldSize) workers and seed \(settings.seed): \(error)")
                }
            }
        }
        var counts: [String: Int] = [:]
        var elementCount = 0
        for round in 0..<rounds {
            let round = SoakRound(settings, worldSize: worldSize, round: round)
            elementCount += round.elementCount
            counts[round.algorithm?.rawValue ?? "auto", default: 0] += 1
        }
        return Outcome(
            worldSize: worldSize, rounds: rounds, elementCount: elementCount, roundsByAlgorithm: counts,
            duration: MonotonicClock.now().since(start))
    }

    private func exchange(
        _ round: SoakRound, _ reducer: AllReducer, _ workerRank: Int, isDamaged: Bool
    ) throws {
        round.comeLate(workerRank)
        let known = KnownVectors(
            seed: round.valueSeed, worldSize: round.worldSize, valueBits: round.valueBits)
        var own = known.vector(of: workerRank, count: round.elementCount)
        if isDamaged { own[round.elementCount / 2] += 1 }
        let plan = round.algorithm.map {
            AllReducePlan(
                algorithm: $0, worldSize: round.worldSize, elementCount: round.elementCount,
                segmentElementCount: round.segmentElementCount)
        }
        var total: [Int64] = []
        try reducer.sum(own, into: &total, plan: plan, deadline: .now + Self.patience)
        guard known.isSum(total) else {
            throw BenchmarkError("worker \(workerRank) got a wrong sum of \(round.elementCount) elements")
        }
    }
}
