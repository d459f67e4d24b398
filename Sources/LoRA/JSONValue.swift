//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// A JSON value, for files whose keys others decide.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Deeper nesting than any configuration has; a reader that recurses must not be led further.
    private static let depthLimit = 64
    /// Bytes; a configuration has a few thousand.
    private static let sizeLimit = 16 << 20

    /// Reads the object in the file at `path`.
    /// - Throws: `LoRAError` with code `unreadableAdapter` or `badAdapter`, naming the file.
    package static func object(at path: String) throws(LoRAError) -> [String: JSONValue] {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw LoRAError(.unreadableAdapter, "\(path) cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= sizeLimit else {
            throw LoRAError(.badAdapter, "\(path): expected at most \(sizeLimit) bytes, found \(data.count)")
        }
        guard depth(of: data) <= depthLimit else {
            throw LoRAError(.badAdapter, "\(path): expected JSON nested at most \(depthLimit) deep, found deeper")
        }
        let value: JSONValue
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: data)
        } catch {
            throw LoRAError(.badAdapter, "\(path): expected JSON: \(error)")
        }
        guard case .object(let members) = value else {
            throw LoRAError(.badAdapter, "\(path): expected a JSON object")
        }
        return members
    }

    /// The deepest nesting of brackets outside texts.
    private static func depth(of data: Data) -> Int {
        var (depth, deepest) = (0, 0)
        var (inText, isEscaped) = (false, false)
        for byte in data {
            if inText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inText = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return deepest
    }
}

extension JSONValue: Decodable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }
}

extension JSONValue {
    /// A number without a fraction as an integer, as Python writes what was given to it as one.
    init(shortest number: Double) {
        self = Int(exactly: number).map { .integer($0) } ?? .number(number)
    }

    /// The text that Python's `json.dumps(value, indent=2, sort_keys=True)` has, with a line feed behind it.
    package var text: String { text(indent: 0) + "\n" }

    private func text(indent: Int) -> String {
        let (outer, inner) = (String(repeating: " ", count: indent), String(repeating: " ", count: indent + 2))
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .number(let value): return value.description
        case .string(let value): return Self.quoted(value)
        case .array(let elements):
            if elements.isEmpty { return "[]" }
            return "[\n" + elements.map { inner + $0.text(indent: indent + 2) }.joined(separator: ",\n") + "\n\(outer)]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let rows = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
                inner + Self.quoted($0.key) + ": " + $0.value.text(indent: indent + 2)
            }
            return "{\n" + rows.joined(separator: ",\n") + "\n\(outer)}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22: result += "\\\""
            case 0x5C: result += "\\\\"
            case 0x0A: result += "\\n"
            case 0x0D: result += "\\r"
            case 0x09: result += "\\t"
            case 0x08: result += "\\b"
            case 0x0C: result += "\\f"
            case 0x20...0x7E: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default:
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result + "\""
    }
}

extension JSONValue {
    var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    var numberValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    var integerValue: Int? {
        if case .integer(let value) = self { value } else { nil }
    }

    var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// A list of texts, or nil where it is anything else.
    var stringsValue: [String]? {
        arrayValue.flatMap { elements in
            let texts = elements.compactMap(\.stringValue)
            return texts.count == elements.count ? texts : nil
        }
    }

    /// Whether it says nothing: null, false, or empty.
    var isNothing: Bool {
        switch self {
        case .null, .bool(false): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }
}
