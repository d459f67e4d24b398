//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a coordinator writes down: a journal, of which only what was flushed is sure to outlive it, and checkpoints.
struct SimulatedDisk {
    enum Line: Hashable {
        case commit(phase: Int, step: Int, digest: UInt64)
        case decision(UInt64)
    }

    var journal: [Line] = []
    var flushed = 0
    var checkpoints: [Checkpoint] = []
    /// What was acknowledged: kept apart, to hold the disk against it.
    private var promised: [Line] = []
    private var furthest: Checkpoint?

    mutating func append(_ line: Line) { journal.append(line) }

    mutating func flush() {
        promised = journal
        flushed = journal.count
    }

    mutating func save(_ checkpoint: Checkpoint) {
        checkpoints.append(checkpoint)
        furthest = checkpoint
        if checkpoints.count > 3 { checkpoints.removeFirst() }
    }

    /// The process ends: of what was not flushed some is there and the rest is not.
    mutating func crash(_ draws: inout Draws, losingLine: Bool) {
        let kept = draws.number(flushed...journal.count)
        journal.removeLast(journal.count - kept)
        flushed = journal.count
        if losingLine, promised.count > 1 {
            journal.remove(at: draws.below(promised.count))
            flushed = journal.count
        }
    }

    /// Whether everything that was acknowledged is there.
    var keepsItsWord: Bool { journal.starts(with: promised) }

    func isOlder(_ checkpoint: Checkpoint?) -> Bool {
        guard let furthest else { return false }
        guard let checkpoint else { return true }
        return checkpoint.place < furthest.place
    }
}

/// Where a run can go on.
struct Checkpoint: Hashable {
    var state: ModelState
    /// The sums of the scoring pass, once it was made.
    var decision: UInt64?
    /// Passes that were begun before it.
    var passes: Int
    /// The evaluations so far, by step.
    var evaluated: [Int]

    var place: [Int] { [state.phase, state.step, decision == nil ? 0 : 1] }
}

extension [Int] {
    static func < (left: [Int], right: [Int]) -> Bool { left.lexicographicallyPrecedes(right) }
}
