//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

/// A JSON value together with where it stands, so that every complaint about it names file and key.
struct JSONField: Sendable {
    let value: JSONValue
    /// The file's name.
    let file: String
    /// The key's path, as `model.vocab`; empty for the whole file.
    let path: String

    init(value: JSONValue, file: String, path: String) {
        self.value = value
        self.file = file
        self.path = path
    }

    /// A value whose place does not matter.
    init(_ value: JSONValue) { self.init(value: value, file: "", path: "") }

    /// An error about this field.
    func error(_ code: TokenizerError.Code, _ what: String) -> TokenizerError {
        TokenizerError(code, path.isEmpty ? "\(file): \(what)" : "\(file), key \"\(path)\": \(what)")
    }

    private func mismatch(_ expected: String) -> TokenizerError {
        error(.invalidValue, "expected \(expected), found \(kind)")
    }

    /// What to call the value in an error.
    var kind: String {
        switch value {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .number(let text): text.utf8.count <= 30 ? "the number \(text)" : "a number of \(text.utf8.count) digits"
        case .string(let text): text.utf8.count <= 60 ? "\"\(text)\"" : "a text of \(text.utf8.count) bytes"
        case .array(let elements): "a list of \(elements.count)"
        case .object: "an object"
        }
    }

    /// The value of a whole file.
    ///
    /// - Throws: ``TokenizerError`` with code `malformedFile` and the line.
    static func root(of bytes: [UInt8], file: String) throws -> JSONField {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TokenizerError(.malformedFile, "\(file): is not UTF-8")
        }
        do {
            return JSONField(value: try JSONParser.parse(bytes), file: file, path: "")
        } catch let failure {
            let line = 1 + bytes[..<failure.offset].count { $0 == UInt8(ascii: "\n") }
            throw TokenizerError(.malformedFile, "\(file), line \(line): \(failure.message) (byte \(failure.offset))")
        }
    }

    /// Whether the value is null.
    var isNull: Bool {
        if case .null = value { true } else { false }
    }

    /// The member called `key`, or nil if the object has none.
    ///
    /// - Throws: ``TokenizerError`` if this is no object.
    func member(_ key: String) throws -> JSONField? {
        guard case .object = value else { throw mismatch("an object") }
        return value[key].map { JSONField(value: $0, file: file, path: path.isEmpty ? key : "\(path).\(key)") }
    }

    /// The member called `key`, or nil if it is missing or null.
    func present(_ key: String) throws -> JSONField? {
        guard let field = try member(key), !field.isNull else { return nil }
        return field
    }

    /// The member called `key`, which must be there.
    func required(_ key: String) throws -> JSONField {
        guard let field = try member(key) else { throw error(.invalidValue, "the key \"\(key)\" is missing") }
        return field
    }

    /// The value as a text.
    func string() throws -> String {
        guard case .string(let text) = value else { throw mismatch("a text") }
        return text
    }

    /// The value as true or false.
    func boolean() throws -> Bool {
        guard case .boolean(let flag) = value else { throw mismatch("true or false") }
        return flag
    }

    /// The value as a whole number within `range`.
    func integer(in range: ClosedRange<Int>) throws -> Int {
        guard let number = value.integer(Int.self), range.contains(number) else {
            throw mismatch("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The value as a token id.
    func tokenID() throws -> Int32 {
        Int32(try integer(in: 0...TokenizerLimits.highestTokenID))
    }

    /// The elements of a list.
    func elements() throws -> [JSONField] {
        guard case .array(let elements) = value else { throw mismatch("a list") }
        return elements.enumerated().map { JSONField(value: $1, file: file, path: "\(path)[\($0)]") }
    }

    /// The members of an object, in the file's order.
    func members() throws -> [(key: String, field: JSONField)] {
        guard case .object(let members) = value else { throw mismatch("an object") }
        return members.map { ($0.key, JSONField(value: $0.value, file: file, path: "\(path).\($0.key)")) }
    }
}
