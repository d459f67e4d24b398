//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Decomposition and composition (Unicode Standard Annex 15) and lower case, scalar by scalar.
struct ScalarMappings: Sendable {
    /// The one table, built from ``UnicodeTables`` on first use.
    static let shared = ScalarMappings()

    /// Lower case as Rust's `char::to_lowercase` has it, without context: a final sigma is like any other.
    let lowercase: [UInt32: [UInt32]]
    private let decompositions: [UInt32: [UInt32]]
    private let compatibilities: [UInt32: [UInt32]]
    /// What two scalars become: the first one times 2³² and the second one.
    private let compositions: [UInt64: UInt32]
    private let combiningOrders: [UInt32: UInt8]

    /// The scalars, Hangul syllables aside, that ``decompose(_:)`` may replace or move.
    var decomposable: [UInt32] { Array(decompositions.keys) + Array(combiningOrders.keys) }

    /// The scalars whose compatibility decomposition is not the canonical one.
    var compatible: [UInt32] { Array(compatibilities.keys) }

    /// The scalars, Hangul aside, that may become one with the scalar before them.
    var composing: [UInt32] { compositions.keys.map { UInt32(truncatingIfNeeded: $0) } }

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

        decompositions = Self.lists(UnicodeTables.decompositions)
        var compatibilities = Self.lists(UnicodeTables.compatibilities)
        let single = UnicodeTables.compatibleScalars
        for index in stride(from: 0, to: single.count, by: 4) {
            for scalar in stride(from: single[index], through: single[index + 1], by: Int(single[index + 2])) {
                compatibilities[UInt32(scalar)] = [UInt32(scalar + single[index + 3])]
            }
        }
        self.compatibilities = compatibilities
        var compositions: [UInt64: UInt32] = [:]
        let triples = UnicodeTables.compositions
        for index in stride(from: 0, to: triples.count, by: 3) {
            compositions[UInt64(triples[index]) << 32 | UInt64(triples[index + 1])] = triples[index + 2]
        }
        self.compositions = compositions

        var orders: [UInt32: UInt8] = [:]
        let table = UnicodeTables.combiningOrders
        for index in stride(from: 0, to: table.count, by: 3) {
            for scalar in table[index]...table[index + 1] { orders[scalar] = UInt8(table[index + 2]) }
        }
        self.combiningOrders = orders
    }

    /// Reads lists that stand one after the other, each behind its count and the scalar it belongs to.
    private static func lists(_ table: [UInt32]) -> [UInt32: [UInt32]] {
        var lists: [UInt32: [UInt32]] = [:]
        var index = 0
        while index < table.count {
            let count = Int(table[index] >> 24)
            lists[table[index] & 0xFF_FFFF] = Array(table[index + 1...index + count])
            index += 1 + count
        }
        return lists
    }

    /// The text's full decomposition, canonical or compatible, with its combining marks in canonical order.
    func decompose(_ scalars: [UInt32], compatibly: Bool = false) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(scalars.count + scalars.count / 2)
        for scalar in scalars {
            if scalar < 0xA0 {
                result.append(scalar)
            } else if compatibly, let parts = compatibilities[scalar] {
                result.append(contentsOf: parts)
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

    /// The canonical composition of a decomposed text: every scalar that can becomes one with the last starter before it.
    func compose(_ scalars: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(scalars.count)
        var starter: Int?
        var lastOrder: UInt8 = 0
        for scalar in scalars {
            let order = scalar < 0x300 ? 0 : combiningOrders[scalar] ?? 0
            // A mark of the same or a higher order in between, or another starter, keeps the two apart.
            if let starter, starter == result.count - 1 || lastOrder < order,
                let composed = composition(of: result[starter], scalar)
            {
                result[starter] = composed
                continue
            }
            if order == 0 { starter = result.count }
            lastOrder = order
            result.append(scalar)
        }
        return result
    }

    private func composition(of first: UInt32, _ second: UInt32) -> UInt32? {
        guard second >= 0x300 else { return nil }
        return HangulSyllables.compose(first, second) ?? compositions[UInt64(first) << 32 | UInt64(second)]
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

    /// The jamo that follow a leading one, and those that end a syllable: first and last of each.
    static let trailingJamo: [UInt32] = [0x1161, 0x1175, 0x11A8, 0x11C2]

    /// The syllable of a leading jamo or an open syllable with what follows; nil for any other two scalars.
    static func compose(_ start: UInt32, _ next: UInt32) -> UInt32? {
        if (0x1100...0x1112).contains(start), (0x1161...0x1175).contains(next) {
            return first + (start - 0x1100) * 588 + (next - 0x1161) * 28
        }
        if (first...last).contains(start), (start - first) % 28 == 0, (0x11A8...0x11C2).contains(next) {
            return start + next - 0x11A7
        }
        return nil
    }
}
