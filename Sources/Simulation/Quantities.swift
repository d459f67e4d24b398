//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Times and rates as people write them.
enum Quantities {
    /// `500ms`, `10s`, `2m`, `0.5s`; nil for anything else.
    static func duration(_ text: String) -> Duration? {
        number(text, units: [("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)])
            .map { .nanoseconds(Int64($0 * 1e9)) }
    }

    /// Bytes a second of `1gbit`, `50mbit`, `800kbit`, `9600bit`; nil for anything else, and for none at all.
    static func bytesPerSecond(_ text: String) -> Double? {
        let bits = number(text, units: [("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3), ("bit", 1)])
        return bits.flatMap { $0 >= 8 ? $0 / 8 : nil }
    }

    private static func number(_ text: String, units: [(name: String, scale: Double)]) -> Double? {
        for unit in units where text.hasSuffix(unit.name) {
            let digits = text.dropLast(unit.name.count)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 }) else { continue }
            guard let value = Double(digits), value * unit.scale < 1e12 else { return nil }
            return value * unit.scale
        }
        return nil
    }
}
