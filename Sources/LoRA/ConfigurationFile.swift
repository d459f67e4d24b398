//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import JSONText

/// A file with one JSON object, whose keys are asked for by name; errors say file, key, what was expected and found.
package struct ConfigurationFile: Sendable {
    package let path: String
    /// In the file's order; every key stands once.
    package let members: [JSONMember]

    /// Bytes; a configuration has a few thousand.
    private static let sizeLimit = 16 << 20

    /// Reads the file at `path`.
    /// - Throws: `LoRAError` with code `unreadableAdapter` or `badAdapter`.
    package init(path: String) throws(LoRAError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw LoRAError(.unreadableAdapter, "\(path) cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= Self.sizeLimit else {
            throw LoRAError(.badAdapter, "\(path): expected at most \(Self.sizeLimit) bytes, found \(data.count)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw LoRAError(.badAdapter, "\(path): expected UTF-8, found bytes that are not")
        }
        let value: JSONValue
        do {
            value = try JSONParser.parse(text)
        } catch {
            throw LoRAError(.badAdapter, "\(path): \(error)")
        }
        guard let members = value.members else {
            throw LoRAError(.badAdapter, "\(path): expected a JSON object, found another value")
        }
        self.path = path
        self.members = members
    }

    package subscript(key: String) -> JSONValue? { members.first { $0.key == key }?.value }

    /// What stands under a key, for errors.
    package func found(_ key: String) -> String {
        let text = self[key]?.text ?? "nothing"
        return text.count <= 100 ? text : text.prefix(100) + "…"
    }

    /// A number under `key`.
    /// - Throws: `LoRAError` with code `badAdapter`.
    package func number(_ key: String) throws(LoRAError) -> Double {
        guard case .number = self[key], let number = self[key]?.real else { throw bad(key, "a number") }
        return number
    }

    /// A whole number under `key`.
    /// - Throws: `LoRAError` with code `badAdapter`.
    package func integer(_ key: String) throws(LoRAError) -> Int {
        guard let number = self[key]?.integer(Int.self) else { throw bad(key, "a whole number") }
        return number
    }

    func bad(_ key: String, _ expected: String) -> LoRAError {
        LoRAError(.badAdapter, "\(path): \(key): expected \(expected), found \(found(key))")
    }
}

extension JSONValue {
    /// A list of texts, or nil where it is anything else.
    var strings: [String]? {
        array.flatMap { elements in
            let texts = elements.compactMap(\.string)
            return texts.count == elements.count ? texts : nil
        }
    }

    /// A list of whole numbers, or nil where it is anything else.
    var integers: [Int]? {
        array.flatMap { elements in
            let numbers = elements.compactMap { $0.integer(Int.self) }
            return numbers.count == elements.count ? numbers : nil
        }
    }

    /// Whether it says nothing: null, false, or empty.
    var isNothing: Bool {
        switch self {
        case .null, .boolean(false): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }
}
