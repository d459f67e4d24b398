//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension JSONValue {
    /// The value on one line without any space: the same value gives the same bytes.
    package var text: String {
        var text = ""
        write(to: &text, indent: nil, depth: 0)
        return text
    }

    /// The value with one member or element a line, and a line break at the end.
    /// - Parameter indent: spaces a level.
    package func indentedText(indent: Int = 2) -> String {
        var text = ""
        write(to: &text, indent: indent, depth: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int?, depth: Int) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .number(let number): text += number
        case .string(let string): Self.write(string, to: &text)
        case .array(let elements):
            Self.write(elements, between: ("[", "]"), to: &text, indent: indent, depth: depth) { element, text in
                element.write(to: &text, indent: indent, depth: depth + 1)
            }
        case .object(let members):
            Self.write(members, between: ("{", "}"), to: &text, indent: indent, depth: depth) { member, text in
                Self.write(member.key, to: &text)
                text += indent == nil ? ":" : ": "
                member.value.write(to: &text, indent: indent, depth: depth + 1)
            }
        }
    }

    private static func write<Part>(
        _ parts: [Part], between braces: (String, String), to text: inout String, indent: Int?, depth: Int,
        each: (Part, inout String) -> Void
    ) {
        func breakLine(_ depth: Int) {
            if let indent, !parts.isEmpty {
                text += "\n" + String(repeating: " ", count: indent * depth)
            }
        }
        text += braces.0
        for (index, part) in parts.enumerated() {
            if index > 0 {
                text += ","
            }
            breakLine(depth + 1)
            each(part, &text)
        }
        breakLine(depth)
        text += braces.1
    }

    /// A string with quotes, backslashes and control characters escaped, all else as it is.
    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // Besides what JSON asks for: what some readers take for the end of a line.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
