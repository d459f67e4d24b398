//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The search for one text's best continuation with several beams, as transformers' `generate` does it: a value that is
/// told log-probabilities and says which tokens to feed.
struct BeamSearch {
    /// A continuation that has not ended.
    struct Beam {
        let tokens: [Int32]
        /// The sum of its tokens' log-probabilities.
        let score: Double
        /// Its place among the beams of the step before.
        let parent: Int
    }

    private struct Ended {
        let tokens: [Int32]
        /// Divided by length^penalty.
        let score: Double
    }

    private struct Candidate {
        let parent: Int
        let token: Int32
        let score: Double
    }

    private let count: Int
    private let lengthPenalty: Double
    private let stopsEarly: Bool
    private let endTokens: Set<Int32>
    /// The most tokens of a continuation.
    private let limit: Int

    /// Those that go on, at first one without tokens; empty when done.
    ///
    /// The caller computes the log-probabilities of what follows each.
    private(set) var beams = [Beam(tokens: [], score: 0, parent: 0)]
    /// By descending score, `count` at most.
    private var ended: [Ended] = []
    private var canImprove = true
    private var length = 0

    init(count: Int, lengthPenalty: Double, stopsEarly: Bool, endTokens: [Int32], limit: Int) {
        self.count = count
        self.lengthPenalty = lengthPenalty
        self.stopsEarly = stopsEarly
        self.endTokens = Set(endTokens)
        self.limit = limit
    }

    var isDone: Bool { beams.isEmpty }

    /// The best text that has ended, the ending token among its tokens.
    var best: [Int32] { ended.first?.tokens ?? [] }

    /// Takes a step.
    /// - Parameter logProbabilities: Of every token of the vocabulary, one row a beam.
    mutating func step(_ logProbabilities: [[Double]]) {
        precondition(logProbabilities.count == beams.count, "\(logProbabilities.count) rows for \(beams.count) beams")
        // Enough that `count` go on even if all others end.
        let candidates = best(max(2, 1 + endTokens.count) * count, of: logProbabilities)
        length += 1
        let ends = candidates.map { endTokens.contains($0.token) || length == limit }
        keepEnded(zip(candidates, ends).prefix(count).filter(\.1).map(\.0))
        let running = zip(candidates, ends).filter { !$0.1 }.map(\.0).prefix(count)
        beams = running.map { candidate in
            Beam(
                tokens: beams[candidate.parent].tokens + [candidate.token], score: candidate.score,
                parent: candidate.parent)
        }
        guard let first = beams.first, ended.count == count else { return }
        // What the best running beam would be worth if it ended now, against the worst that has.
        let hope = first.score / normaliser(length)
        canImprove = canImprove && hope > ended[count - 1].score
        if !canImprove || stopsEarly {
            beams = []
        }
    }

    private mutating func keepEnded(_ candidates: [Candidate]) {
        guard canImprove, !(stopsEarly && ended.count == count) else { return }
        for candidate in candidates {
            let score = candidate.score / normaliser(length)
            let place = ended.firstIndex { $0.score < score } ?? ended.count
            ended.insert(Ended(tokens: beams[candidate.parent].tokens + [candidate.token], score: score), at: place)
        }
        ended.removeLast(max(0, ended.count - count))
    }

    private func normaliser(_ length: Int) -> Double {
        pow(Double(length), lengthPenalty)
    }

    /// The best continuations by one token, best first; of equal ones the first beam's, then the lowest token.
    private func best(_ wanted: Int, of logProbabilities: [[Double]]) -> [Candidate] {
        var found: [Candidate] = []
        for (parent, row) in logProbabilities.enumerated() {
            for (token, value) in row.enumerated() {
                let score = beams[parent].score + value
                if found.count == wanted, score <= found[wanted - 1].score { continue }
                let place = found.firstIndex { $0.score < score } ?? found.count
                found.insert(Candidate(parent: parent, token: Int32(token), score: score), at: place)
                if found.count > wanted {
                    found.removeLast()
                }
            }
        }
        return found
    }
}
