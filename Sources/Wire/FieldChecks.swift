//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Checks of one message's fields; what does not hold is thrown with the message's and the field's name.
struct FieldChecks {
    /// The message, as it is called in proto/.
    let message: String

    init(_ message: String) {
        self.message = message
    }

    /// The error for a field.
    func error(_ field: String, _ problem: String) -> WireError {
        WireError(.badField, "\(message).\(field): \(problem)")
    }

    /// A number within a range.
    func integer<Number: BinaryInteger>(
        _ field: String, _ value: Number, _ range: ClosedRange<Number>
    ) throws(WireError) {
        guard range.contains(value) else {
            throw error(field, "expected \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
    }

    /// A step, an id or a count that the wire has 32 bits for.
    func id(_ field: String, _ value: Int) throws(WireError) {
        try integer(field, value, 0...FieldChecks.maximumID)
    }

    /// A generation.
    func generation(_ value: Int) throws(WireError) {
        try integer("generation", value, 1...FieldChecks.maximumID)
    }

    /// A time or a duration in nanoseconds.
    func nanoseconds(_ field: String, _ value: Int) throws(WireError) {
        try integer(field, value, 0...Int.max)
    }

    /// A number of entries.
    func count(_ field: String, _ value: Int, _ range: ClosedRange<Int>) throws(WireError) {
        guard range.contains(value) else {
            throw error(field, "expected \(range.lowerBound) to \(range.upperBound) entries, found \(value)")
        }
    }

    /// A text's length in UTF-8.
    func text(_ field: String, _ value: String, _ range: ClosedRange<Int>) throws(WireError) {
        let count = value.utf8.count
        guard range.contains(count) else {
            throw error(field, "expected \(range.lowerBound) to \(range.upperBound) bytes of text, found \(count)")
        }
    }

    /// A name: no spaces and no control characters, so that it can stand in logs and file names' neighbours.
    func name(_ field: String, _ value: String, _ range: ClosedRange<Int>) throws(WireError) {
        try text(field, value, range)
        for scalar in value.unicodeScalars where scalar.value <= 0x20 || (0x7F...0xA0).contains(scalar.value) {
            throw error(field, "a space or control character U+\(String(scalar.value, radix: 16, uppercase: true))")
        }
    }

    /// A SHA-256 sum.
    func digest(_ field: String, _ value: [UInt8]) throws(WireError) {
        guard value.count == 32 else {
            throw error(field, "expected a digest of 32 bytes, found \(value.count)")
        }
    }

    /// A finite number.
    func finite<Number: BinaryFloatingPoint>(_ field: String, _ value: Number) throws(WireError) {
        guard value.isFinite else {
            throw error(field, "expected a finite number, found \(value)")
        }
    }

    /// Numbers that ascend, so that none comes twice.
    func ascending(_ field: String, _ values: [Int]) throws(WireError) {
        for (before, after) in zip(values, values.dropFirst()) where after <= before {
            throw error(field, "expected ascending numbers, found \(after) after \(before)")
        }
    }

    /// "host:port" or "[IPv6 address]:port" with a port from 1 to 65535.
    func endpoint(_ field: String, _ value: String) throws(WireError) {
        try name(field, value, 3...300)
        guard let colon = value.lastIndex(of: ":"),
            let port = UInt16(value[value.index(after: colon)...]), port > 0,
            value[value.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else {
            throw error(field, "expected host:port with a port from 1 to 65535, found \"\(value)\"")
        }
        let host = value[..<colon]
        let bracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        guard bracketed || (!host.isEmpty && !host.contains { "[]:".contains($0) }) else {
            throw error(field, "expected host:port or [IPv6 address]:port, found \"\(value)\"")
        }
    }

    /// The largest value of a 32-bit field.
    static let maximumID = Int(UInt32.max)
    /// The most members a roster has.
    static let maximumMembers = 1024
    /// The most shards a step has.
    static let maximumShards = 1 << 16
    /// The most projections an adapter has.
    static let maximumProjections = 1 << 16
    /// The most outputs a task head has.
    static let maximumLabels = 1 << 16
}
