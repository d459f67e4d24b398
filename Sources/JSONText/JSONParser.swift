//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Parses JSON (RFC 8259).
///
/// Stricter than the RFC asks where leniency would hide a fault: the keys of an object occur once, nothing follows the
/// value, escaped surrogates come in pairs.
package struct JSONParser {
    /// How deep arrays and objects may lie in one another.
    package static let maximumDepth = 64
    /// The most members of one object or elements of one array.
    package static let maximumCount = 1 << 24

    /// Why a text is not JSON.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        /// How far into the text, in bytes from 0.
        package let offset: Int
        package let message: String

        package var description: String { "byte \(offset): \(message)" }
    }

    private let bytes: [UInt8]
    private let start: Int
    private let end: Int
    private var position: Int

    private init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        start = range.lowerBound
        end = range.upperBound
        position = range.lowerBound
    }

    /// The one value that a text is.
    ///
    /// - Parameters:
    ///   - bytes: well-formed UTF-8; what is not is repaired in strings.
    ///   - range: the part of the bytes that is the text; nil for all of them.
    package static func parse(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(Failure) -> JSONValue {
        var parser = JSONParser(bytes, in: range ?? bytes.indices)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == parser.end else {
            throw parser.failure("the end of the text")
        }
        return value
    }

    /// The one value that a text is.
    package static func parse(_ text: String) throws(Failure) -> JSONValue {
        try parse(Array(text.utf8))
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        skipSpace()
        guard position < end else {
            throw failure("a value")
        }
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"):
            try word("true")
            return .boolean(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .boolean(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default: throw failure("a value")
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONValue {
        try requireRoom(depth: depth, count: 0)
        position += 1
        var members: [JSONMember] = []
        // As bytes: Swift's strings are equal when they are canonically equivalent, JSON's keys are not.
        var seen: Set<[UInt8]> = []
        skipSpace()
        var isOpen = !take(UInt8(ascii: "}"))
        while isOpen {
            skipSpace()
            let place = position
            let key = try string()
            guard seen.insert(Array(key.utf8)).inserted else {
                throw Failure(offset: place - start, message: "the key \"\(key)\" occurs twice")
            }
            try requireRoom(depth: depth, count: members.count)
            skipSpace()
            try expect(UInt8(ascii: ":"), "a colon after the key \"\(key)\"")
            members.append(JSONMember(key, try value(depth: depth + 1)))
            skipSpace()
            isOpen = take(UInt8(ascii: ","))
            if !isOpen {
                try expect(UInt8(ascii: "}"), "a comma or the closing brace")
            }
        }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSONValue {
        try requireRoom(depth: depth, count: 0)
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        var isOpen = !take(UInt8(ascii: "]"))
        while isOpen {
            try requireRoom(depth: depth, count: elements.count)
            elements.append(try value(depth: depth + 1))
            skipSpace()
            isOpen = take(UInt8(ascii: ","))
            if !isOpen {
                try expect(UInt8(ascii: "]"), "a comma or the closing bracket")
            }
        }
        return .array(elements)
    }

    private func requireRoom(depth: Int, count: Int) throws(Failure) {
        guard depth < Self.maximumDepth else {
            throw Failure(offset: position - start, message: "more than \(Self.maximumDepth) levels of nesting")
        }
        guard count < Self.maximumCount else {
            throw Failure(offset: position - start, message: "more than \(Self.maximumCount) elements")
        }
    }

    private mutating func number() throws(Failure) -> String {
        let first = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) {
            try digits()
        }
        if take(UInt8(ascii: ".")) {
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            try digits()
        }
        return String(decoding: bytes[first..<position], as: UTF8.self)
    }

    private mutating func digits() throws(Failure) {
        let first = position
        while position < end, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        guard position > first else {
            throw failure("a digit")
        }
    }

    private mutating func string() throws(Failure) -> String {
        try expect(UInt8(ascii: "\""), "a string")
        var content: [UInt8] = []
        while true {
            guard position < end, bytes[position] >= 0x20 else {
                throw failure("the closing quote of a string")
            }
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                return String(decoding: content, as: UTF8.self)
            } else if byte == UInt8(ascii: "\\") {
                try escape(into: &content)
            } else {
                content.append(byte)
            }
        }
    }

    private mutating func escape(into content: inout [UInt8]) throws(Failure) {
        guard position < end else {
            throw failure("an escaped character")
        }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: String(try escapedScalar()).utf8)
        default:
            position -= 1
            throw failure("one of \" \\ / b f n r t u after a backslash")
        }
    }

    /// The character of `\uXXXX`, or of two that are a surrogate pair; the first `\u` is already behind.
    private mutating func escapedScalar() throws(Failure) -> Character {
        let place = position
        let high = try fourHexadecimalDigits()
        if let scalar = Unicode.Scalar(high) {
            return Character(scalar)
        }
        if (0xD800...0xDBFF).contains(high), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
            let low = try fourHexadecimalDigits()
            if (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                return Character(scalar)
            }
        }
        throw Failure(offset: place - start, message: "half of a surrogate pair stands alone")
    }

    private mutating func fourHexadecimalDigits() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < end, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw failure("four hexadecimal digits after \\u")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func word(_ expected: StaticString) throws(Failure) {
        for byte in expected.description.utf8 {
            try expect(byte, "the word \(expected)")
        }
    }

    private mutating func skipSpace() {
        while position < end, [0x20, 0x09, 0x0D, 0x0A].contains(bytes[position]) {
            position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < end, bytes[position] == byte else {
            return false
        }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ what: String) throws(Failure) {
        guard take(byte) else {
            throw failure(what)
        }
    }

    private func failure(_ expected: String) -> Failure {
        guard position < end else {
            return Failure(offset: position - start, message: "expected \(expected), found the end of the text")
        }
        let byte = bytes[position]
        let found =
            byte > 0x20 && byte < 0x7F
            ? "'\(Character(Unicode.Scalar(byte)))'" : "the byte 0x" + String(byte, radix: 16, uppercase: true)
        return Failure(offset: position - start, message: "expected \(expected), found \(found)")
    }
}
