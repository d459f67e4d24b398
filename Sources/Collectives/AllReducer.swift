//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Sums vectors of 64-bit integers over all workers.
///
/// Every worker calls it with a vector of the same length, in the same order, and gets the same sums.
///
/// It keeps its scratch memory from one exchange to the next. One thread uses it.
package final class AllReducer {
    private let links: any PeerLinks
    private let costs: ExchangeCosts
    private let segmentElementCount: Int
    private var scratch: [Int64] = []

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
    /// - Throws: `CollectiveError`; `vector` then holds partial sums and is useless. Keep the original.
    /// - Precondition: No sum overflows; the fixed-point format leaves room for it.
    package func allReduce(_ vector: inout [Int64], deadline: ContinuousClock.Instant) throws {
        try allReduce(&vector, plan: plan(elementCount: vector.count), deadline: deadline)
    }

    /// Replaces `vector` by the sum of all workers' vectors, as a plan says that all of them follow.
    /// - Throws: `CollectiveError`; `vector` then holds partial sums and is useless. Keep the original.
    /// - Precondition: The plan is for this vector's length and these workers.
    package func allReduce(
        _ vector: inout [Int64], plan: AllReducePlan, deadline: ContinuousClock.Instant
    ) throws {
        precondition(
            plan.partition.elementCount == vector.count && plan.partition.chunkCount == links.worldSize,
            "a plan for \(plan) with a vector of \(vector.count) and \(links.worldSize) workers")
        guard plan.algorithm != .none else {
            return
        }
        let script = plan.script(workerRank: links.workerRank)
        let partCount = script.receives.reduce(0) { $0 + ($1.action == .add ? $1.range.count : 0) }
        let copyCount = script.sendsFromCopy ? vector.count : 0
        if scratch.count < partCount + copyCount {
            scratch = [Int64](repeating: 0, count: partCount + copyCount)
        }
        if script.sendsFromCopy {
            scratch.replaceSubrange(0..<copyCount, with: vector)
        }
        try vector.withUnsafeMutableBufferPointer { vector in
            try scratch.withUnsafeMutableBufferPointer { scratch in
                try follow(script, vector: vector, scratch: scratch, copyCount: copyCount, deadline: deadline)
            }
        }
    }

    /// Gives every segment of the script its memory, and adds what comes in.
    private func follow(
        _ script: ExchangeScript, vector: UnsafeMutableBufferPointer<Int64>,
        scratch: UnsafeMutableBufferPointer<Int64>, copyCount: Int, deadline: ContinuousClock.Instant
    ) throws {
        // Partial sums wait in scratch memory of their own; final sums go to their place in the vector at once.
        var used = copyCount
        let incoming = script.receives.map { receive in
            let memory: UnsafeMutableBufferPointer<Int64>
            switch receive.action {
            case .add:
                memory = UnsafeMutableBufferPointer(rebasing: scratch[used..<(used + receive.range.count)])
                used += receive.range.count
            case .replace:
                memory = UnsafeMutableBufferPointer(rebasing: vector[receive.range])
            }
            return IncomingSegment(peer: receive.peer, range: receive.range, elements: memory)
        }
        let source = UnsafeBufferPointer(script.sendsFromCopy ? scratch : vector)
        let outgoing = script.sends.map { send in
            OutgoingSegment(
                peer: send.peer, range: send.range, elements: UnsafeBufferPointer(rebasing: source[send.range]),
                after: send.after)
        }
        var overflowing: Set<Int> = []
        try links.exchange(outgoing: outgoing, incoming: incoming, deadline: deadline) { index in
            let receive = script.receives[index]
            if receive.action == .add,
                !add(incoming[index].elements, to: UnsafeMutableBufferPointer(rebasing: vector[receive.range]))
            {
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

    /// Adds element by element.
    ///
    /// Overflows are gathered, not branched on, so that the loop stays a vector loop.
    /// - Returns: Whether every sum fits.
    private func add(_ part: UnsafeMutableBufferPointer<Int64>, to sum: UnsafeMutableBufferPointer<Int64>) -> Bool {
        precondition(part.count == sum.count, "\(part.count) elements to add to \(sum.count)")
        var overflows: Int64 = 0
        for index in 0..<sum.count {
            let left = sum[index]
            let right = part[index]
            let total = left &+ right
            // The sign bit is set where both addends have one sign and the sum has the other.
            overflows |= (left ^ total) & (right ^ total)
            sum[index] = total
        }
        return overflows >= 0
    }
}
