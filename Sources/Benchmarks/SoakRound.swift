//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Glibc

/// What happens in one round of a soak: a function of seed, number of workers and round.
struct SoakRound {
    let worldSize: Int
    let elementCount: Int
    /// Nil: the workers' own choice.
    let algorithm: AllReducePlan.Algorithm?
    let segmentElementCount: Int
    /// Values are below two to this number: all widths come.
    let valueBits: Int
    let valueSeed: UInt64

    init(_ settings: AllReduceSoak.Settings, worldSize: Int, round: Int) {
        var draws = Draws(state: settings.seed &+ UInt64(worldSize) << 48 &+ UInt64(round) << 8)
        self.worldSize = worldSize
        let longest = Double(settings.maximumElementCount)
        elementCount = min(max(Int(exp(draws.uniform() * log(longest + 1))), 1), settings.maximumElementCount)
        algorithm = [nil, nil, .broadcast, .direct, .ring][Int(draws.uniform() * 5)]
        segmentElementCount =
            draws.uniform() < 0.5 ? AllReducePlan.defaultSegmentElementCount : Int(exp(4 + draws.uniform() * 7))
        valueBits = Int(1 + draws.uniform() * 58)
        valueSeed = draws.next()
    }

    /// Every fourth worker on average comes up to two milliseconds late.
    func comeLate(_ workerRank: Int) {
        var draws = Draws(state: valueSeed &+ UInt64(workerRank))
        if draws.uniform() < 0.25 {
            usleep(UInt32(draws.uniform() * 2000))
        }
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    private struct Draws {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var bits = state
            bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            return bits ^ (bits >> 31)
        }

        /// From 0 up to 1.
        mutating func uniform() -> Double {
            Double(next() >> 11) * 0x1p-53
        }
    }
}
