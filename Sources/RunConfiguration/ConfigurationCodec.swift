//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Metrics

/// A value as a file or a flag writes it.
package enum ConfigurationValue: Sendable, Hashable {
    case null
    case scalar(String)
    case list([String])
}

/// How one kind of option is read and written.
struct ConfigurationCodec<Value: Sendable>: Sendable {
    /// What is expected, for help and errors: "a whole number from 1 to 4096".
    let expectation: String
    /// Nil where the value is not what is expected.
    let parse: @Sendable (ConfigurationValue) -> Value?
    /// The value in the one way it is written.
    let format: @Sendable (Value) -> ConfigurationValue
}

extension ConfigurationValue {
    /// The one text of a scalar; nil for a list or null.
    var scalar: String? {
        if case .scalar(let text) = self { text } else { nil }
    }
}

extension ConfigurationCodec where Value == String {
    /// A text that is not empty.
    static var text: Self {
        ConfigurationCodec(expectation: "a text") { value in
            value.scalar.flatMap { $0.isEmpty ? nil : $0 }
        } format: { text in
            // Empty is the default of what has to be given.
            text.isEmpty ? .null : .scalar(text)
        }
    }

    /// A text that only some tasks need: null, like its default, is empty.
    static var textIfNeeded: Self {
        ConfigurationCodec(expectation: text.expectation) { value in
            value == .null ? "" : text.parse(value)
        } format: { value in
            text.format(value)
        }
    }
}

extension ConfigurationCodec where Value == TextTemplate {
    /// A text with columns' names in braces.
    static var template: Self {
        ConfigurationCodec(expectation: "a text with columns in braces, such as \"Question: {question}\"") { value in
            // The codec knows no reasons; what is expected says enough of braces.
            value.scalar.flatMap { try? TextTemplate($0) }
        } format: { template in
            .scalar(template.description)
        }
    }
}

extension ConfigurationCodec where Value == Bool {
    /// `true` or `false`.
    static var boolean: Self {
        ConfigurationCodec(expectation: "true or false") { value in
            value.scalar.flatMap { Bool($0.lowercased()) }
        } format: { value in
            .scalar(value ? "true" : "false")
        }
    }
}

extension ConfigurationCodec where Value: FixedWidthInteger {
    /// A whole number in a range.
    static func integer(_ range: ClosedRange<Value>) -> Self {
        let expectation =
            range.upperBound == Value.max
            ? "a whole number, \(range.lowerBound) or more"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return ConfigurationCodec(expectation: expectation) { value in
            value.scalar.flatMap { Value($0) }.flatMap { range.contains($0) ? $0 : nil }
        } format: { number in
            .scalar(String(number))
        }
    }
}

extension ConfigurationCodec where Value == Double {
    /// A finite decimal number within bounds.
    static func number(_ bounds: NumberBounds) -> Self {
        ConfigurationCodec(expectation: bounds.description) { value in
            // Swift's own parser would also take "nan", "inf" and hexadecimal numbers.
            guard let text = value.scalar, text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
                let number = Double(text), number.isFinite, bounds.contains(number)
            else {
                return nil
            }
            return number
        } format: { number in
            .scalar(number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number))
        }
    }
}

extension ConfigurationCodec where Value: RawRepresentable<String> & CaseIterable {
    /// One of an enumeration's raw values; hyphens and underscores are the same, and so are cases.
    static var choice: Self {
        let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return ConfigurationCodec(expectation: "one of \(names)") { value in
            guard let text = value.scalar else {
                return nil
            }
            return Value.allCases.first { $0.rawValue.lowercased().hyphenated == text.lowercased().hyphenated }
        } format: { value in
            .scalar(value.rawValue)
        }
    }
}

extension ConfigurationCodec where Value == GLUETask {
    /// A task of GLUE, also with the hyphen that its folder has: `SST-2`.
    static var glueTask: Self {
        ConfigurationCodec(expectation: choice.expectation) { value in
            choice.parse(value.scalar.map { .scalar($0.replacing("-", with: "")) } ?? value)
        } format: { value in
            choice.format(value)
        }
    }
}

extension ConfigurationCodec where Value == Metric {
    /// A metric by its name, `spearman` for `spearmanr` too.
    static var metric: Self {
        ConfigurationCodec(expectation: choice.expectation) { value in
            value == .scalar("spearman") ? .spearmanr : choice.parse(value)
        } format: { value in
            choice.format(value)
        }
    }
}

extension ConfigurationCodec {
    /// The same kind, where true and false stand for two of its values.
    func orBoolean(true positive: Value, false negative: Value) -> Self {
        let parse = parse
        return ConfigurationCodec(expectation: "\(expectation), true, false") { value in
            if let boolean = ConfigurationCodec<Bool>.boolean.parse(value) {
                return boolean ? positive : negative
            }
            return parse(value)
        } format: { [format] value in
            format(value)
        }
    }

    /// Any number of values of one kind.
    static func list<Element>(of codec: ConfigurationCodec<Element>) -> Self where Value == [Element] {
        ConfigurationCodec(expectation: "a list, each element \(codec.expectation)") { value in
            let texts: [String]
            switch value {
            case .null: texts = []
            case .scalar(let text): texts = [text]
            case .list(let list): texts = list
            }
            let elements = texts.compactMap { codec.parse(.scalar($0)) }
            return elements.count == texts.count ? elements : nil
        } format: { elements in
            .list(elements.compactMap { codec.format($0).scalar })
        }
    }

    /// A value, or a word (or null) for none.
    static func optional<Wrapped>(
        _ codec: ConfigurationCodec<Wrapped>, none word: String = "null"
    ) -> Self where Value == Wrapped? {
        ConfigurationCodec(expectation: "\(codec.expectation), or \(word)") { value in
            // A quoted "null" is a text.
            if value == .null || (word != "null" && value == .scalar(word)) {
                return .some(nil)
            }
            return codec.parse(value).map { .some($0) }
        } format: { wrapped in
            wrapped.map { codec.format($0) } ?? (word == "null" ? .null : .scalar(word))
        }
    }
}

extension String {
    /// The text with hyphens for underscores.
    fileprivate var hyphenated: String {
        String(map { $0 == "_" ? "-" : $0 })
    }
}

/// The range of a number, each end in or out of it.
struct NumberBounds: Sendable, CustomStringConvertible {
    private var lower: Double
    private var includesLower: Bool
    private var upper: Double?
    private var includesUpper = true

    static func above(_ lower: Double) -> NumberBounds {
        NumberBounds(lower: lower, includesLower: false)
    }

    static func from(_ lower: Double, to upper: Double? = nil) -> NumberBounds {
        NumberBounds(lower: lower, includesLower: true, upper: upper)
    }

    static func above(_ lower: Double, to upper: Double) -> NumberBounds {
        NumberBounds(lower: lower, includesLower: false, upper: upper)
    }

    static func from(_ lower: Double, below upper: Double) -> NumberBounds {
        NumberBounds(lower: lower, includesLower: true, upper: upper, includesUpper: false)
    }

    func contains(_ number: Double) -> Bool {
        (includesLower ? number >= lower : number > lower)
            && (upper.map { includesUpper ? number <= $0 : number < $0 } ?? true)
    }

    var description: String {
        let low = lower == lower.rounded() ? String(Int(lower)) : String(lower)
        guard let upper else {
            return includesLower ? "a number, \(low) or more" : "a number above \(low)"
        }
        let high = upper == upper.rounded() ? String(Int(upper)) : String(upper)
        return "a number \(includesLower ? "from" : "above") \(low) \(includesUpper ? "to" : "and below") \(high)"
    }
}
