//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests

extension RunSettings {
    /// All options as YAML, defaults included, in a fixed order.
    ///
    /// It is what `config.yaml` of the run folder holds and workers are sent; parsed again it gives equal settings.
    package var canonicalText: String {
        var text = ""
        var open: [String] = []
        for option in ConfigurationOption.all {
            let path = option.name.split(separator: ".").map { String($0) }
            let sections = Array(path.dropLast())
            let common = zip(open, sections).prefix { $0 == $1 }.count
            for depth in common..<sections.count {
                text += Self.indentation(depth) + sections[depth] + ":\n"
            }
            open = sections
            text += "\(Self.indentation(sections.count))\(path[sections.count]): \(option.read(self).yaml)\n"
        }
        return text
    }

    /// The SHA-256 of what decides the result: every key that is not operational, with its value.
    package var resultDigest: Digest {
        var hash = SHA256()
        for option in ConfigurationOption.all where option.effect == .result {
            hash.update("\(option.name): \(option.read(self).yaml)\n")
        }
        return hash.finish()
    }

    private static func indentation(_ depth: Int) -> String {
        String(repeating: "  ", count: depth)
    }
}

extension ConfigurationValue {
    /// The value in YAML's flow style, on one line.
    var yaml: String {
        switch self {
        case .null: "null"
        case .scalar(let text): Self.quoted(text)
        case .list(let texts): "[\(texts.map { Self.quoted($0) }.joined(separator: ", "))]"
        }
    }

    /// The text as it is where YAML reads it back as it is, else in double quotes.
    private static func quoted(_ text: String) -> String {
        let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-".unicodeScalars
        let isPlain =
            text.unicodeScalars.allSatisfy { plain.contains($0) } && !text.hasPrefix("-") && !text.isEmpty
            && text.lowercased() != "null"
        if isPlain {
            return text
        }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case " "..."~": quoted.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return quoted + "\""
    }
}
