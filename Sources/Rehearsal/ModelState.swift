//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What training does to a state, reduced to what can go wrong: a chain of hashes, so that a step that is lost, doubled
/// or out of order, or a shard that is counted twice, gives another digest.
struct ModelState: Hashable {
    /// 0 is the probe, 1 the fine-tuning.
    var phase: Int
    /// Steps that are behind it.
    var step: Int
    var digest: UInt64

    /// What a phase starts from.
    /// - Parameter decision: What the scoring pass came to; the fine-tuning depends on it.
    static func initial(phase: Int, decision: UInt64) -> ModelState {
        ModelState(phase: phase, step: 0, digest: mix(UInt64(phase) + 1, decision))
    }

    /// What one shard of the next step adds to the sum.
    func gradient(shard: Int) -> UInt64 { Self.mix(digest, UInt64(shard) + 0x1000) }

    /// What one shard of a pass that leaves the state as it is comes to.
    func answer(pass: Int, shard: Int) -> UInt64 { Self.mix(digest, UInt64(pass) << 32 | UInt64(shard) + 0x2000) }

    /// The state after a step with this sum over all shards.
    func next(sum: UInt64) -> ModelState {
        ModelState(phase: phase, step: step + 1, digest: Self.mix(digest &+ UInt64(step), sum))
    }

    var digestBytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: digest >> (8 * $0)) }
    }

    /// Two rounds of the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        func finalise(_ value: UInt64) -> UInt64 {
            var value = value &+ 0x9E37_79B9_7F4A_7C15
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
        return finalise(finalise(left) &+ right)
    }
}

/// What a run is to do, and what it comes to when nothing disturbs it.
struct RunPlan {
    var seed: UInt64
    var probeSteps: Int
    var scoringParts: Int
    var fineTuneSteps: Int
    /// Steps between evaluations, and between checkpoints.
    var evaluateEvery: Int
    var saveEvery: Int
    var mostShards: Int

    func steps(of phase: Int) -> Int { phase == 0 ? probeSteps : fineTuneSteps }

    /// Tokens of every shard of a piece of work.
    func shardTokens(kind: WorkKind, phase: Int, number: Int) -> [Int] {
        let bits = ModelState.mix(seed, UInt64(kind.rawValue) << 40 | UInt64(phase) << 32 | UInt64(number))
        let count = 1 + Int(bits % UInt64(mostShards))
        return (0..<count).map { 20 + Int(ModelState.mix(bits, UInt64($0)) % 80) }
    }

    /// Everything that one worker alone comes to without faults.
    func undisturbed() -> Expectation {
        var expectation = Expectation()
        var decision: UInt64 = 0
        for phase in 0...1 {
            var state = ModelState.initial(phase: phase, decision: decision)
            expectation.states[phase].append(state)
            for step in 0..<steps(of: phase) {
                let shards = shardTokens(kind: .train, phase: phase, number: step).indices
                state = state.next(sum: shards.reduce(0) { $0 &+ state.gradient(shard: $1) })
                expectation.states[phase].append(state)
            }
            if phase == 0 {
                for part in 0..<scoringParts {
                    let shards = shardTokens(kind: .score, phase: 0, number: part).indices
                    decision = shards.reduce(decision) { $0 &+ state.answer(pass: part, shard: $1) }
                }
            }
        }
        expectation.decision = decision
        return expectation
    }
}

/// The kinds of work that a run gives out.
enum WorkKind: Int {
    case train, score, evaluate
}

/// The undisturbed run.
struct Expectation {
    /// By phase, then by steps done.
    var states: [[ModelState]] = [[], []]
    var decision: UInt64 = 0

    var final: ModelState? { states[1].last }
}
