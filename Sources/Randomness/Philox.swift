//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The counter-based generator Philox-4x32-10: 128 random bits as a pure function of a key and a counter.
///
/// Who draws, in which order and on which machine does not matter, which the exactness contract (docs/numerics.md)
/// rests on.
///
/// Source: Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, §3.3; the constants
/// and the known answers of the tests are those of the authors' Random123.
package enum Philox {
    package typealias Block = SIMD4<UInt32>

    /// The 128 bits at `counter` under `key`.
    package static func block(key: SIMD2<UInt32>, counter: Block) -> Block {
        var key = key
        var state = counter
        for round in 0..<10 {
            if round > 0 {
                key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
            }
            let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: state[0])
            let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: state[2])
            state = Block(second.high ^ state[1] ^ key[0], second.low, first.high ^ state[3] ^ key[1], first.low)
        }
        return state
    }
}
