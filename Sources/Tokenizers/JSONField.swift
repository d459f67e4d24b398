//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A JSON value together with where it stands, so that every complaint about it names file and key.
struct JSONField: Sendable {
    let value: JSONValue
    /// The file's name.
    let file: String
    /// The key's path, as `model.vocab`; empty for the whole file.
    let path: String

    /// An error about this field.
    func error(_ code: TokenizerError.Code, _ what: String) -> TokenizerError {
        TokenizerError(code, path.isEmpty ? "\(file): \(what)" : "\(file), key \"\(path)\": \(what)")
    }

    private func mismatch(_ expected: String) -> TokenizerError {
        error(.invalidValue, "expected \(expected), found \(value.kind)")
    }

    /// Whether the value is null.
    var isNull: Bool {
        if case .null = value { true } else { false }
    }

    /// The member called `key`, or nil if the object has none.
    ///
    /// - Throws: ``TokenizerError`` if this is no object, or if it has the key twice.
    func member(_ key: String) throws -> JSONField? {
        guard case .object(let members) = value else { throw mismatch("an object") }
        let found = members.filter { $0.key == key }
        guard found.count <= 1 else {
            throw error(.invalidValue, "the key \"\(key)\" stands here \(found.count) times")
        }
        return found.first.map { JSONField(value: $0.value, file: file, path: path.isEmpty ? key : "\(path).\(key)") }
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
        guard case .integer(let number) = value, range.contains(number) else {
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
