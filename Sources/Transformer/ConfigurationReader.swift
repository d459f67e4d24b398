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
            } else {
                self = .other
            }
        }

        var description: String {
            switch self {
            case .truth(let truth): "\(truth)"
            case .number(let number): "\(number)"
            case .text(let text): "\"\(text)\""
            case .other: "null, a list or an object"
            }
        }
    }

    private let values: [String: Value]
    private let file: String

    init(json: Data, file: String) throws(TransformerError) {
        self.file = file
        do {
            values = try JSONDecoder().decode([String: Value].self, from: json)
        } catch {
            throw TransformerError(
                .unreadableConfiguration, "\(file): expected a JSON object, found something else (\(error))")
        }
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
