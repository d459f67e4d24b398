//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Canonical decomposition (NFD, Unicode Standard Annex 15) and lower case, scalar by scalar.
struct ScalarMappings: Sendable {
    /// The one table, built from ``UnicodeTables`` on first use.
    static let shared = ScalarMappings()

    /// Lower case as Rust's `char::to_lowercase` has it, without context: a final sigma is like any other.
    let lowercase: [UInt32: [UInt32]]
    private let decompositions: [UInt32: [UInt32]]
    private let combiningOrders: [UInt32: UInt8]

    /// The scalars, Hangul syllables aside, that ``decompose(_:)`` may replace or move.
    var decomposable: [UInt32] { Array(decompositions.keys) + Array(combiningOrders.keys) }

    private init() {
        // Capital I with dot is the one scalar with a lower case of two.
        var lowercase: [UInt32: [UInt32]] = [0x130: [0x69, 0x307]]
        let runs = UnicodeTables.lowercase
        for index in stride(from: 0, to: runs.count, by: 4) {
            for scalar in stride(from: runs[index], through: runs[index + 1], by: Int(runs[index + 2])) {
                lowercase[UInt32(scalar)] = [UInt32(scalar + runs[index + 3])]
            }
        }
        self.lowercase = lowercase

        var decompositions: [UInt32: [UInt32]] = [:]
        var index = 0
        while index < UnicodeTables.decompositions.count {
            let head = UnicodeTables.decompositions[index]
            let count = Int(head >> 24)
            decompositions[head & 0xFF_FFFF] = Array(UnicodeTables.decompositions[index + 1...index + count])
            index += 1 + count
        }
        self.decompositions = decompositions

        var orders: [UInt32: UInt8] = [:]
        let table = UnicodeTables.combiningOrders
        for index in stride(from: 0, to: table.count, by: 3) {
            for scalar in table[index]...table[index + 1] { orders[scalar] = UInt8(table[index + 2]) }
        }
        self.combiningOrders = orders
    }

    /// The text's full canonical decomposition with its combining marks in canonical order.
    func decompose(_ scalars: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(scalars.count + scalars.count / 2)
        for scalar in scalars {
            if scalar < 0xC0 {
                result.append(scalar)
            } else if let jamo = HangulSyllables.decompose(scalar) {
                result.append(contentsOf: jamo)
            } else if let parts = decompositions[scalar] {
                result.append(contentsOf: parts)
            } else {
                result.append(scalar)
            }
        }
        sortMarks(in: &result)
        return result
    }

    /// Sorts every run of combining marks by class, marks of one class in the order they stand in.
    private func sortMarks(in scalars: inout [UInt32]) {
        var position = 0
        while position < scalars.count {
            guard scalars[position] >= 0x300, combiningOrders[scalars[position]] != nil else {
                position += 1
                continue
            }
            var run: [(order: UInt8, scalar: UInt32)] = []
            while position < scalars.count, let order = combiningOrders[scalars[position]] {
                run.append((order, scalars[position]))
                position += 1
            }
            guard run.count > 1 else { continue }
            // The standard library's sort is stable, which it does not promise: the index decides between equals.
            let sorted = run.indices.sorted { (run[$0].order, $0) < (run[$1].order, $1) }
            for (offset, index) in sorted.enumerated() {
                scalars[position - run.count + offset] = run[index].scalar
            }
        }
    }
}

/// Hangul syllables, which decompose by arithmetic (Unicode Standard, section 3.12).
enum HangulSyllables {
    static let first: UInt32 = 0xAC00
    static let last: UInt32 = 0xD7A3

    /// The two or three jamo of a syllable; nil for any other scalar.
    static func decompose(_ scalar: UInt32) -> [UInt32]? {
        guard scalar >= first, scalar <= last else { return nil }
        let index = scalar - first
        let jamo = [0x1100 + index / 588, 0x1161 + index % 588 / 28]
        return index % 28 == 0 ? jamo : jamo + [0x11A7 + index % 28]
    }
}
