//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives

/// Rounds, messages, bytes and time of one all-reduce in closed form.
///
/// The time is that by which workers choose a plan, `ExchangeCosts`, had they measured such links without error.
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
        link.costs.seconds(plan)
    }
}
