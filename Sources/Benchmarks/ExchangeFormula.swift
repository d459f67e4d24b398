//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives

/// Rounds, messages, bytes and time of one all-reduce in closed form.
///
/// For n workers, a vector of S bytes, chunks of C = S/n, cut in k segments of at most s bytes; t is the time of a
/// byte, c = 1 + crowding·(n - 2), m the time of a message, w = m + latency:
///
///     broadcast   w + (n - 1)·(k·m + S·c·t)                    k: segments of the whole vector
///     direct      w + max(2·p, p + (n - 1)·(m + s·c·t) + w)    p = (n - 1)·(k·m + C·c·t)
///     ring        (2·n - 3)·max(k·m + C·t, w + m + s·t) + w + k·m + C·t
///
/// A maximum has two sides: either the interfaces never pause, or the last segment of a chunk is waited for. It is
/// exact where all chunks have the same length, and where n - 1 peers have something to send to everybody.
package struct ExchangeFormula: Hashable, Sendable {
    package let plan: AllReducePlan
    package let link: LinkModel

    package init(_ plan: AllReducePlan, over link: LinkModel) {
        self.plan = plan
        self.link = link
    }

    private var workerCount: Int { plan.partition.chunkCount }
    private var others: Int { workerCount - 1 }
    private var elementCount: Int { plan.partition.elementCount }

    /// How often something must have arrived before the next thing leaves, and once more.
    package var rounds: Int {
        switch plan.algorithm {
        case .none: 0
        case .broadcast: 1
        case .direct: 2
        case .ring: 2 * others
        }
    }

    /// What all workers send together, in bytes: (n - 1)·S a worker where everybody sends everything, otherwise
    /// 2·(n - 1)/n·S.
    package var totalByteCount: Int {
        let once = others * elementCount * link.elementByteCount
        return switch plan.algorithm {
        case .none: 0
        case .broadcast: workerCount * once
        case .direct, .ring: 2 * once
        }
    }

    /// What a worker sends on average, in bytes; one differs from another by the elements that chunks differ by.
    package var bytesPerWorker: Double { Double(totalByteCount) / Double(workerCount) }

    /// What all workers send together, in messages: one a segment.
    package var totalMessageCount: Int {
        let partition = plan.partition
        let chunks = (0..<workerCount).reduce(0) { $0 + partition.segments(of: partition.chunk($1)).count }
        return switch plan.algorithm {
        case .none: 0
        case .broadcast: workerCount * others * partition.segments(of: 0..<elementCount).count
        case .direct, .ring: 2 * others * chunks
        }
    }

    /// From the start, the same for all workers, until the last of them has everything, in seconds.
    package var seconds: Double {
        let way = link.secondsOnTheWay
        switch plan.algorithm {
        case .none:
            return 0
        case .broadcast:
            return way + Double(others) * taking(0..<elementCount, senderCount: others)
        case .direct:
            let chunk = plan.partition.chunk(0)
            let part = Double(others) * taking(chunk, senderCount: others)
            let last = Double(others) * taking(longestSegment(of: chunk), senderCount: others)
            return way + max(2 * part, part + last + way)
        case .ring:
            let chunk = plan.partition.chunk(0)
            let step = taking(chunk, senderCount: 1)
            let hop = way + taking(longestSegment(of: chunk), senderCount: 1)
            return Double(2 * others - 1) * max(step, hop) + way + step
        }
    }

    /// How long a receiver's interface takes a stretch, segment after segment, in seconds.
    private func taking(_ range: Range<Int>, senderCount: Int) -> Double {
        plan.partition.segments(of: range).reduce(0) { sum, segment in
            sum + link.receivingSeconds(elementCount: segment.count, senderCount: senderCount)
        }
    }

    private func longestSegment(of range: Range<Int>) -> Range<Int> {
        plan.partition.segments(of: range).first ?? range
    }
}
