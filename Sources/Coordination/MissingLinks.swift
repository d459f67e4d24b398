//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which pairs of workers get no data link, as they themselves say, and who is left out for it.
///
/// A link that does not come takes two, and which of them is to blame cannot be told. So the pairs are the edges of a
/// graph, and a greedy choice of workers is left out, so that no edge remains. Whoever never had links in this run goes
/// first, so that a latecomer that nobody can reach costs a healthy run one attempt and nothing else.
struct MissingLinks: Sendable {
    /// Two workers, in natural order.
    struct Pair: Hashable, Sendable {
        let first: String
        let second: String

        init(_ one: String, _ other: String) {
            (first, second) = naturalOrder(one, other) ? (one, other) : (other, one)
        }
    }

    /// What is known of a worker that may be left out.
    struct Standing: Sendable {
        /// Whether it had its links in some generation since it joined.
        var hasLinkedUp: Bool
        /// Whether it holds a state that the run can go on from.
        var holdsState: Bool
    }

    private struct Record: Sendable {
        /// Attempts in a row that came to nothing between the two.
        var attempts: Int
        /// The last of them.
        var generation: UInt32
    }

    /// Failed attempts after which two workers that had links before count as apart; one is enough where one of the two
    /// never had any.
    private static let patience = 2
    private static let firstPause: UInt64 = 30_000_000_000
    private static let longestPause: UInt64 = 600_000_000_000

    private var records: [Pair: Record] = [:]
    /// Who lacks a link in the present generation, and says so.
    private(set) var complainants: Set<String> = []
    /// When the first of them said so.
    private(set) var since: UInt64?
    private var pauses: [String: (times: UInt64, until: UInt64)] = [:]

    /// A generation is formed.
    mutating func begin() {
        complainants = []
        since = nil
    }

    /// A worker says with whom it has no link in a generation.
    mutating func note(_ worker: String, without peers: [String], in generation: UInt32, _ now: UInt64) {
        complainants.insert(worker)
        since = since ?? now
        for peer in peers where peer != worker {
            let pair = Pair(worker, peer)
            let known = records[pair]
            guard known?.generation != generation else { continue }
            let isRepeated = known?.generation == generation - 1
            records[pair] = Record(attempts: (isRepeated ? known?.attempts ?? 0 : 0) + 1, generation: generation)
        }
    }

    /// Everyone of these has its links.
    mutating func linkedUp(_ members: [String]) {
        records = [:]
        for member in members { pauses[member] = nil }
    }

    /// A worker is gone; what comes back may be better off.
    mutating func forget(_ worker: String) {
        records = records.filter { $0.key.first != worker && $0.key.second != worker }
    }

    /// Whom the next generation has to do without, after this one.
    /// - Parameters:
    ///   - standings: Of everyone who is there.
    ///   - most: How many may be left out.
    /// - Returns: Nobody if that is not enough for all others to be linked.
    func leftOut(after generation: UInt32, of standings: [String: Standing], most: Int) -> [String] {
        let apart = records.filter { pair, record in
            guard record.generation == generation, let first = standings[pair.first],
                let second = standings[pair.second]
            else { return false }
            let isNews = first.hasLinkedUp != second.hasLinkedUp
            return record.attempts >= (isNews ? 1 : Self.patience)
        }.map(\.key)
        // Those who are the least loss; else as few as possible.
        let cheapest = cover(apart, standings, fewest: false)
        let chosen = cheapest.count <= most ? cheapest : cover(apart, standings, fewest: true)
        return chosen.count <= most ? chosen : []
    }

    /// Workers of which every pair has one.
    private func cover(_ pairs: [Pair], _ standings: [String: Standing], fewest: Bool) -> [String] {
        var pairs = pairs
        var chosen: [String] = []
        while !pairs.isEmpty {
            let degrees = pairs.reduce(into: [String: Int]()) { degrees, pair in
                degrees[pair.first, default: 0] += 1
                degrees[pair.second, default: 0] += 1
            }
            func isRather(_ one: String, than other: String) -> Bool {
                let (left, right) = (standings[one], standings[other])
                let isMore = degrees[one, default: 0] > degrees[other, default: 0]
                let differs = degrees[one] != degrees[other]
                if fewest, differs { return isMore }
                if left?.hasLinkedUp != right?.hasLinkedUp { return left?.hasLinkedUp == false }
                if left?.holdsState != right?.holdsState { return left?.holdsState == false }
                return differs ? isMore : naturalOrder(other, one)
            }
            guard let next = degrees.keys.min(by: { isRather($0, than: $1) }) else { break }
            chosen.append(next)
            pairs.removeAll { $0.first == next || $0.second == next }
        }
        return chosen
    }

    /// Keeps a worker from joining for a while, longer each time.
    mutating func pause(_ worker: String, _ now: UInt64) {
        let times = pauses[worker]?.times ?? 0
        pauses[worker] = (times + 1, now + min(Self.firstPause << min(times, 10), Self.longestPause))
    }

    /// Until when a worker that was left out may not join; nil if it may.
    func pausedUntil(_ worker: String, _ now: UInt64) -> UInt64? {
        pauses[worker].flatMap { $0.until > now ? $0.until : nil }
    }
}
