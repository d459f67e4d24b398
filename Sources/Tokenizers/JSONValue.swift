//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A JSON value (RFC 8259), with the members of an object in the file's order.
///
/// Objects are not dictionaries: Swift's strings are equal when they are canonically equivalent, so a dictionary would
/// merge vocabulary entries that differ only in how an accent is encoded.
indirect enum JSONValue: Sendable {
    case null
    case boolean(Bool)
    /// A number without fraction or exponent that fits.
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A member of an object.
    struct Member: Sendable {
        let key: String
        let value: JSONValue
    }

    /// What to call the value in an error.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "the number \(value)"
        case .number(let value): "the number \(value)"
        case .string(let value): value.utf8.count <= 60 ? "\"\(value)\"" : "a text of \(value.utf8.count) bytes"
        case .array(let elements): "a list of \(elements.count)"
        case .object: "an object"
        }
    }
}

/// Reads JSON from untrusted bytes: strict, with a bounded depth.
struct JSONParser {
    /// How deeply lists and objects may be nested.
    static let maximumDepth = 64

    private let bytes: [UInt8]
    private let file: String
    private var position = 0

    /// The value in `bytes`.
    ///
    /// - Parameter file: what errors call the file.
    /// - Throws: ``TokenizerError`` with code `malformedFile` and the line.
    static func parse(_ bytes: [UInt8], file: String) throws -> JSONValue {
        var parser = JSONParser(bytes: bytes, file: file)
        parser.skipWhitespace()
        let value = try parser.value(depth: 0)
        parser.skipWhitespace()
        guard parser.position == bytes.count else { throw parser.error("expected the end of the file") }
        return value
    }

    private init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private func error(_ what: String) -> TokenizerError {
        let line = 1 + bytes[..<min(position, bytes.count)].count { $0 == UInt8(ascii: "\n") }
        let found =
            position < bytes.count ? "byte 0x" + String(bytes[position], radix: 16, uppercase: true) : "the file's end"
        return TokenizerError(.malformedFile, "\(file), line \(line): \(what), found \(found) (offset \(position))")
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func expect(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
        for byte in text.description.utf8 {
            guard next == byte else { throw error("expected \(text)") }
            position += 1
        }
        return value
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth < Self.maximumDepth else { throw error("lists and objects nested over \(Self.maximumDepth) deep") }
        switch next {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try expect("true", .boolean(true))
        case UInt8(ascii: "f"): return try expect("false", .boolean(false))
        case UInt8(ascii: "n"): return try expect("null", .null)
        default: return try number()
        }
    }

    private mutating func members(depth: Int) throws -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        position += 1
        skipWhitespace()
        if next == UInt8(ascii: "}") {
            position += 1
            return members
        }
        while true {
            guard next == UInt8(ascii: "\"") else { throw error("expected a key in double quotes") }
            let key = try string()
            skipWhitespace()
            guard next == UInt8(ascii: ":") else { throw error("expected a colon after the key \"\(key)\"") }
            position += 1
            skipWhitespace()
            members.append(JSONValue.Member(key: key, value: try value(depth: depth + 1)))
            skipWhitespace()
            guard next == UInt8(ascii: ",") else { break }
            position += 1
            skipWhitespace()
        }
        guard next == UInt8(ascii: "}") else { throw error("expected , or } in an object") }
        position += 1
        return members
    }

    private mutating func elements(depth: Int) throws -> [JSONValue] {
        var elements: [JSONValue] = []
        position += 1
        skipWhitespace()
        if next == UInt8(ascii: "]") {
            position += 1
            return elements
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipWhitespace()
            guard next == UInt8(ascii: ",") else { break }
            position += 1
            skipWhitespace()
        }
        guard next == UInt8(ascii: "]") else { throw error("expected , or ] in a list") }
        position += 1
        return elements
    }

    private mutating func number() throws -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let firstDigit = position
        skipDigits()
        let digits = position - firstDigit
        guard digits > 0 else { throw error("expected a JSON value") }
        guard digits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else { throw error("a number with a leading zero") }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard skipDigits() else { throw error("expected a digit after the decimal point") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() else { throw error("expected a digit in the exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw error("the number \(text) is out of range") }
        return .number(number)
    }

    @discardableResult
    private mutating func skipDigits() -> Bool {
        let start = position
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        return position > start
    }
}

extension JSONParser {
    private mutating func string() throws -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            guard let byte = next else { throw error("expected the closing quote of a text") }
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("a text that is not UTF-8 ends here")
                }
                position += 1
                return string
            case UInt8(ascii: "\\"):
                position += 1
                try appendEscape(to: &text)
            case 0..<0x20:
                throw error("a control character in a text must be escaped")
            default:
                text.append(byte)
                position += 1
            }
        }
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws {
        guard let byte = next else { throw error("expected an escape sequence") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: UTF8Coding.bytes(of: try escapedScalar()))
        default:
            position -= 1
            throw error("expected an escape sequence")
        }
    }

    private mutating func escapedScalar() throws -> UInt32 {
        let unit = try escapedUnit()
        guard unit & 0xF800 == 0xD800 else { return unit }
        guard unit < 0xDC00, next == UInt8(ascii: "\\") else { throw error("half of a surrogate pair") }
        position += 1
        guard next == UInt8(ascii: "u") else { throw error("half of a surrogate pair") }
        position += 1
        let low = try escapedUnit()
        guard low & 0xFC00 == 0xDC00 else { throw error("half of a surrogate pair") }
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func escapedUnit() throws -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw error("expected four hexadecimal digits")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }
}
