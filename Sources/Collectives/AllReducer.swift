//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Sums vectors of 64-bit integers over all workers.
///
/// Every worker calls it with a vector of the same length, in the same order, and gets the same sums.
///
/// One thread uses it.
package final class AllReducer {
    let links: any PeerLinks
    private let segmentElementCount: Int
    /// What the last exchange followed: the next one mostly is the same.
    private var lastScript: (plan: AllReducePlan, script: ExchangeScript)?

    /// From what the algorithm is chosen; the same for all workers.
    package internal(set) var costs: ExchangeCosts

    /// - Parameter links: The links to the other workers, used by this object alone while it exchanges.
    package init(
        links: any PeerLinks, costs: ExchangeCosts = ExchangeCosts(),
        segmentElementCount: Int = AllReducePlan.defaultSegmentElementCount
    ) {
        self.links = links
        self.costs = costs
        self.segmentElementCount = segmentElementCount
    }

    /// The plan for a vector's length.
    package func plan(elementCount: Int) -> AllReducePlan {
        AllReducePlan(
            worldSize: links.worldSize, elementCount: elementCount, costs: costs,
            segmentElementCount: segmentElementCount)
    }

    /// Replaces `vector` by the sum of all workers' vectors.
    /// - Throws: `CollectiveError`; `vector` is as it was.
    package func allReduce(_ vector: inout [Int64], deadline: ContinuousClock.Instant) throws {
        try allReduce(&vector, plan: plan(elementCount: vector.count), deadline: deadline)
    }

    /// Replaces `vector` by the sum of all workers' vectors, as a plan says that all of them follow.
    /// - Throws: `CollectiveError`; `vector` is as it was.
    /// - Precondition: As `sum(_:into:plan:deadline:)`.
    package func allReduce(
        _ vector: inout [Int64], plan: AllReducePlan, deadline: ContinuousClock.Instant
    ) throws {
        var total: [Int64] = []
        try sum(vector, into: &total, plan: plan, deadline: deadline)
        vector = total
    }

    /// The sum of all workers' vectors.
    ///
    /// - Parameters:
    ///   - own: This worker's vector; what leaves at first goes from its memory to the links.
    ///   - total: Becomes the sum. Its memory is used again where it has the same length.
    ///   - plan: How; nil for this reducer's own choice. All workers follow the same.
    /// - Throws: `CollectiveError`; `total` then holds partial sums and is useless.
    /// - Precondition: No sum overflows; the fixed-point format leaves room for it. The plan is for this vector's length
    ///   and these workers.
    package func sum(
        _ own: [Int64], into total: inout [Int64], plan: AllReducePlan? = nil, deadline: ContinuousClock.Instant
    ) throws {
        let plan = plan ?? self.plan(elementCount: own.count)
        precondition(
            plan.partition.elementCount == own.count && plan.partition.chunkCount == links.worldSize,
            "a plan for \(plan) with a vector of \(own.count) and \(links.worldSize) workers")
        guard plan.algorithm != .none, links.worldSize > 1 else {
            total = own
            return
        }
        if total.count != own.count {
            total = [Int64](repeating: 0, count: own.count)
        }
        let script = script(of: plan)
        try own.withUnsafeBufferPointer { own in
            try total.withUnsafeMutableBufferPointer { total in
                try follow(script, own: own, total: total, deadline: deadline)
            }
        }
    }

    private func script(of plan: AllReducePlan) -> ExchangeScript {
        if let lastScript, lastScript.plan == plan { return lastScript.script }
        let script = plan.script(workerRank: links.workerRank)
        lastScript = (plan, script)
        return script
    }

    /// Gives every segment of the script its memory.
    private func follow(
        _ script: ExchangeScript, own: UnsafeBufferPointer<Int64>, total: UnsafeMutableBufferPointer<Int64>,
        deadline: ContinuousClock.Instant
    ) throws {
        // By where they begin.
        var sums: [Int: SumInProgress] = [:]
        func sum(over range: Range<Int>) -> SumInProgress {
            if let sum = sums[range.lowerBound] {
                precondition(sum.elementCount == range.count, "segments of one sum that begin at \(range.lowerBound)")
                return sum
            }
            let sum = SumInProgress(
                own: UnsafeBufferPointer(rebasing: own[range]),
                sums: UnsafeMutableBufferPointer(rebasing: total[range]))
            sums[range.lowerBound] = sum
            return sum
        }
        let incoming = script.receives.map { receive in
            IncomingSegment(
                peer: receive.peer, range: receive.range,
                destination: receive.action == .add
                    ? .add(sum(over: receive.range))
                    : .replace(UnsafeMutableBufferPointer(rebasing: total[receive.range])))
        }
        let outgoing = script.sends.map { send in
            let source = send.after.isEmpty ? own : UnsafeBufferPointer(total)
            return OutgoingSegment(
                peer: send.peer, range: send.range, elements: UnsafeBufferPointer(rebasing: source[send.range]),
                after: send.after)
        }
        try links.exchange(outgoing: outgoing, incoming: incoming, deadline: deadline)
        // The fixed-point format leaves room for every true sum, so what does not fit was no true addend.
        let overflowing = sums.values.reduce(into: Set()) { $0.formUnion($1.overflowingPeers) }
        guard overflowing.isEmpty else {
            throw CollectiveError(
                .unexpectedData, peers: Array(overflowing),
                "sums of worker ranks \(overflowing.sorted().map(String.init).joined(separator: ", ")) overflow 64 bits"
            )
        }
    }
}
