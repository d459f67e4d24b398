//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a draw is for.
///
/// Streams of different purposes never share a number. Raw values are part of the contract.
package enum RandomPurpose: UInt32, Sendable {
    case shuffle = 1
    case stratifiedSample = 2
    case adapterInitialisation = 3
    case headInitialisation = 4
    case inputDropout = 5
    case randomScore = 6
    case numericProbe = 7
    case dataSplit = 8
    case rehearsal = 9
    case generation = 10
}

/// A family of random numbers, addressed by four coordinates, as a pure function of seed, purpose, phase and index.
///
/// `phase` tells the probe from the fine-tuning; `index` is the module, the tensor or the epoch, as the purpose has it.
package struct RandomStream: Sendable, Hashable {
    /// The Philox key that seed, purpose, phase and index were mixed into.
    package let key: SIMD2<UInt32>

    package init(seed: UInt64, purpose: RandomPurpose, phase: UInt32 = 0, index: UInt32 = 0) {
        // The seed is the key of a draw at the counter (purpose, phase, index): two different families get keys
        // that have nothing to do with each other.
        let mixed = Philox.block(
            key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
            counter: SIMD4(purpose.rawValue, phase, index, 0x6C6F_7261))
        key = SIMD2(mixed[0], mixed[1])
    }

    /// 128 random bits at a place.
    package func block(_ coordinates: SIMD4<UInt32>) -> SIMD4<UInt32> {
        Philox.block(key: key, counter: coordinates)
    }

    /// A number in [0, 1) with 24 bits, from one word of a block.
    package static func unitFloat(_ bits: UInt32) -> Float {
        Float(bits >> 8) * 0x1p-24
    }

    /// Fills `count` numbers uniform in [low, high), element by element of one tensor.
    package func uniform(count: Int, low: Float, high: Float) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(count)
        var block = SIMD4<UInt32>()
        for element in 0..<count {
            if element % 4 == 0 {
                block = self.block(SIMD4(UInt32(element / 4), 0, 0, 0))
            }
            result.append(low + (high - low) * Self.unitFloat(block[element % 4]))
        }
        return result
    }

    /// Numbers of a normal distribution with mean 0 (Box and Muller's transformation), element by element.
    package func normal(count: Int, standardDeviation: Float) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(count + 1)
        var place: UInt32 = 0
        while result.count < count {
            let bits = block(SIMD4(place, 0, 0, 0))
            place += 1
            // 1 - u is in (0, 1], where the logarithm is finite.
            let radius = (-2 * Self.logarithm(1 - Double(Self.unitFloat(bits[0])))).squareRoot()
            let angle = 2 * Double.pi * Double(Self.unitFloat(bits[1]))
            result.append(Float(radius * Self.cosine(angle)) * standardDeviation)
            result.append(Float(radius * Self.sine(angle)) * standardDeviation)
        }
        result.removeLast(result.count - count)
        return result
    }
}
