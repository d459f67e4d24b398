//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The keys of one config.json, with errors that name file and key.
struct ConfigurationReader {
    /// A value of a key, as far as a configuration needs it.
    private enum Value: Decodable {
        case truth(Bool)
        case number(Double)
        case text(String)
        case list([Value])
        case object([String: Value])
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            // A value of another kind is no error here: most keys are not ours.
            if let truth = try? container.decode(Bool.self) {
                self = .truth(truth)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let list = try? container.decode([Value].self) {
                self = .list(list)
            } else if let object = try? container.decode([String: Value].self) {
                self = .object(object)
            } else {
                self = .other
            }
        }

        var description: String {
            switch self {
            case .truth(let truth): "\(truth)"
            case .number(let number): "\(number)"
            case .text(let text): "\"\(text)\""
            case .list: "a list"
            case .object: "an object"
            case .other: "null"
            }
        }
    }

    private let values: [String: Value]
    let file: String

    init(json: Data, file: String) throws(TransformerError) {
        self.file = file
        do {
            values = try JSONDecoder().decode([String: Value].self, from: json)
        } catch {
            throw TransformerError(
                .unreadableConfiguration, "\(file): expected a JSON object, found something else (\(error))")
        }
    }

    private init(_ values: [String: Value], file: String) {
        self.values = values
        self.file = file
    }

    /// Whether there is a value that is not null.
    func has(_ key: String) -> Bool {
        switch values[key] {
        case nil, .other: false
        default: true
        }
    }

    /// Whether the key is there and its value null.
    func isNull(_ key: String) -> Bool {
        if case .other = values[key] { true } else { false }
    }

    /// The object under `key`; nil if there is none.
    func object(_ key: String) throws(TransformerError) -> ConfigurationReader? {
        guard has(key) else { return nil }
        guard case .object(let object) = values[key] else {
            throw refusal(key, "an object")
        }
        return ConfigurationReader(object, file: "\(file), \(key)")
    }

    /// The strings under `key`; nil if there are none.
    func strings(_ key: String) throws(TransformerError) -> [String]? {
        guard has(key) else { return nil }
        var result: [String] = []
        guard case .list(let list) = values[key] else {
            throw refusal(key, "a list of strings")
        }
        for value in list {
            guard case .text(let text) = value else {
                throw refusal(key, "a list of strings")
            }
            result.append(text)
        }
        return result
    }

    /// The whole numbers under `key`, where one may stand for a list of one; empty if there are none.
    func integers(_ key: String) throws(TransformerError) -> [Int] {
        guard has(key) else { return [] }
        let list = if case .list(let list) = values[key] { list } else { [values[key] ?? .other] }
        var result: [Int] = []
        for value in list {
            guard case .number(let number) = value, number == number.rounded(), number.magnitude < 0x1p31 else {
                throw refusal(key, "whole numbers")
            }
            result.append(Int(number))
        }
        return result
    }

    /// True or false.
    func truth(_ key: String, absent: Bool) throws(TransformerError) -> Bool {
        switch values[key] {
        case nil, .other: return absent
        case .truth(let truth): return truth
        default: throw refusal(key, "true or false")
        }
    }

    /// A whole number from 1 to 2^24.
    func count(_ key: String, absent: Int) throws(TransformerError) -> Int {
        has(key) ? try count(key) : absent
    }

    /// A whole number from 1 to 2^24.
    func count(_ key: String) throws(TransformerError) -> Int {
        let number = try number(key)
        guard number >= 1, number <= 0x1p24, number == number.rounded() else {
            throw refusal(key, "a whole number from 1 to 16777216")
        }
        return Int(number)
    }

    /// A finite number.
    func number(_ key: String, absent: Double? = nil) throws(TransformerError) -> Double {
        switch values[key] {
        case .number(let number) where number.isFinite && number.magnitude < 0x1p53: return number
        case nil:
            if let absent {
                return absent
            }
            throw refusal(key, "a number")
        default: throw refusal(key, "a number")
        }
    }

    func string(_ key: String) throws(TransformerError) -> String {
        guard case .text(let text) = values[key] else {
            throw refusal(key, "a string")
        }
        return text
    }

    /// Refuses a model for which `key` is present and not `expected`.
    func require(_ key: String, toBe expected: String) throws(TransformerError) {
        switch values[key] {
        case nil, .text(expected): return
        default:
            throw TransformerError(
                .unsupportedModel, "\(file): \(key) is \(found(key)); only \"\(expected)\" is supported")
        }
    }

    /// Refuses a model for which `key` is true.
    func requireFalse(_ key: String) throws(TransformerError) {
        switch values[key] {
        case nil, .truth(false): return
        default:
            throw TransformerError(.unsupportedModel, "\(file): \(key) is \(found(key)); only false is supported")
        }
    }

    private func refusal(_ key: String, _ expected: String) -> TransformerError {
        TransformerError(.badConfiguration, "\(file): expected \(expected) under \"\(key)\", found \(found(key))")
    }

    private func found(_ key: String) -> String {
        values[key]?.description ?? "nothing"
    }
}
