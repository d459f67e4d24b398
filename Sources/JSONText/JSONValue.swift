//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// One key of an object with its value.
package struct JSONMember: Sendable, Hashable {
    package let key: String
    package let value: JSONValue

    package init(_ key: String, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// A JSON value whose objects keep their order and whose numbers keep their spelling, so that writing what was read gives
/// the same bytes.
package enum JSONValue: Sendable, Hashable {
    case null
    case boolean(Bool)
    /// A number as it is written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// A whole number.
    package static func integer(_ number: some BinaryInteger) -> JSONValue {
        .number(String(number))
    }

    /// A number by the shortest text that reads back equal, always with a point or an exponent.
    ///
    /// JSON has none that are not finite: they become the strings "NaN", "Infinity" and "-Infinity".
    package static func real(_ number: Double) -> JSONValue {
        guard number.isFinite else {
            return .string(number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity")
        }
        return .number(String(number))
    }

    /// The value of a key; nil where this is no object or has no such key.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else {
            return nil
        }
        return members.first { $0.key == key }?.value
    }

    /// The text of a string; nil for anything else.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A boolean; nil for anything else.
    package var boolean: Bool? {
        if case .boolean(let value) = self { value } else { nil }
    }

    /// A number without point or exponent that fits; nil for anything else.
    package func integer<Number: FixedWidthInteger>(_ type: Number.Type = Int.self) -> Number? {
        if case .number(let text) = self { Number(text) } else { nil }
    }

    /// A number, or one of the strings that stand for those that are not finite; nil for anything else.
    package var real: Double? {
        switch self {
        case .number(let text): Double(text)
        case .string("NaN"): .nan
        case .string("Infinity"): .infinity
        case .string("-Infinity"): -.infinity
        default: nil
        }
    }

    /// The elements of an array; nil for anything else.
    package var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members of an object in their order; nil for anything else.
    package var members: [JSONMember]? {
        if case .object(let members) = self { members } else { nil }
    }
}
