//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Vectors of all workers that everybody can compute, so that everybody can check a sum.
///
/// The values are spread evenly, of either sign.
struct KnownVectors {
    let seed: UInt64
    let worldSize: Int
    /// Values are below two to this number; with that many workers no sum may overflow.
    var valueBits = 50

    /// The vector of a worker.
    func vector(of workerRank: Int, count: Int) -> [Int64] {
        (0..<count).map { value(workerRank, $0) }
    }

    /// Whether a vector is the sum of all workers' vectors.
    func isSum(_ vector: [Int64]) -> Bool {
        vector.indices.allSatisfy { index in
            vector[index] == (0..<worldSize).reduce(0) { $0 + value($1, index) }
        }
    }

    /// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators": SplitMix64's finaliser.
    private func value(_ workerRank: Int, _ index: Int) -> Int64 {
        var bits = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(workerRank) &* 0xD1B5_4A32_D192_ED03 &+ UInt64(index)
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int64(bitPattern: bits ^ (bits >> 31)) >> (63 - valueBits)
    }
}
