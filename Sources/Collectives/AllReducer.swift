//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// Sums vectors of 64-bit integers over all workers.
///
/// Every worker calls it with a vector of the same length, in the same order, and gets the same sums.
///
/// It keeps its scratch memory from one exchange to the next. One thread uses it.
package final class AllReducer {
    let links: any PeerLinks
    private let segmentElementCount: Int
    /// One segment a peer.
    private var scratch: [Int64] = []
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
        let slot = min(plan.partition.segmentElementCount, own.count)
        if scratch.count < slot * links.worldSize {
            scratch = [Int64](repeating: 0, count: slot * links.worldSize)
        }
        try own.withUnsafeBufferPointer { own in
            try total.withUnsafeMutableBufferPointer { total in
                try scratch.withUnsafeMutableBufferPointer { scratch in
                    try follow(script, own: own, total: total, scratch: scratch, slot: slot, deadline: deadline)
                }
            }
        }
    }

    private func script(of plan: AllReducePlan) -> ExchangeScript {
        if let lastScript, lastScript.plan == plan { return lastScript.script }
        let script = plan.script(workerRank: links.workerRank)
        lastScript = (plan, script)
        return script
    }

    /// Gives every segment of the script its memory, and adds what comes in.
    private func follow(
        _ script: ExchangeScript, own: UnsafeBufferPointer<Int64>, total: UnsafeMutableBufferPointer<Int64>,
        scratch: UnsafeMutableBufferPointer<Int64>, slot: Int, deadline: ContinuousClock.Instant
    ) throws {
        let incoming = script.receives.map { receive in
            let memory: UnsafeMutableBufferPointer<Int64>
            switch receive.action {
            case .add:
                // Added as soon as it is complete, so that a peer's next one may lie in the same place: it stays in the
                // processor's cache.
                let start = receive.peer * slot
                memory = UnsafeMutableBufferPointer(rebasing: scratch[start..<(start + receive.range.count)])
            case .replace:
                memory = UnsafeMutableBufferPointer(rebasing: total[receive.range])
            }
            return IncomingSegment(peer: receive.peer, range: receive.range, elements: memory)
        }
        let outgoing = script.sends.map { send in
            let source = send.after.isEmpty ? own : UnsafeBufferPointer(total)
            return OutgoingSegment(
                peer: send.peer, range: send.range, elements: UnsafeBufferPointer(rebasing: source[send.range]),
                after: send.after)
        }
        // Where sums have begun, by their first elements.
        var begun: Set<Int> = []
        var overflowing: Set<Int> = []
        try links.exchange(outgoing: outgoing, incoming: incoming, deadline: deadline) { index in
            let receive = script.receives[index]
            guard receive.action == .add else { return }
            let sum = UnsafeMutableBufferPointer(rebasing: total[receive.range])
            let isFirst = begun.insert(receive.range.lowerBound).inserted
            let before = isFirst ? UnsafeBufferPointer(rebasing: own[receive.range]) : UnsafeBufferPointer(sum)
            if !add(UnsafeBufferPointer(incoming[index].elements), before, to: sum) {
                overflowing.insert(receive.peer)
            }
        }
        // The fixed-point format leaves room for every true sum, so what does not fit was no true addend.
        guard overflowing.isEmpty else {
            throw CollectiveError(
                .unexpectedData, peers: Array(overflowing),
                "sums of worker ranks \(overflowing.sorted().map(String.init).joined(separator: ", ")) overflow 64 bits"
            )
        }
    }

    /// Adds element by element; `right` may be `sum` itself.
    /// - Returns: Whether every sum fits.
    private func add(
        _ left: UnsafeBufferPointer<Int64>, _ right: UnsafeBufferPointer<Int64>,
        to sum: UnsafeMutableBufferPointer<Int64>
    ) -> Bool {
        precondition(
            left.count == sum.count && right.count == sum.count,
            "\(left.count) and \(right.count) elements to \(sum.count) sums")
        return ck_add_integers(left.baseAddress, right.baseAddress, sum.count, sum.baseAddress) != 0
    }
}
