//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Yams

/// One value with the place it comes from.
struct GivenValue {
    let value: ConfigurationValue
    let origin: ConfigurationOrigin
}

/// Values by key, as files and flags give them.
struct ConfigurationSource {
    private(set) var given: [String: GivenValue] = [:]

    /// Takes the values of a YAML text: one mapping, its sections nested.
    mutating func takeFile(_ yaml: String, path: String) throws(ConfigurationError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw Self.syntaxError(error, path: path)
        } catch {
            throw ConfigurationError(.syntax, .file(path: path, line: 1, column: 1), "this is not YAML: \(error)")
        }
        guard let root, !Self.isNull(root) else {
            return
        }
        guard case .mapping(let mapping) = root else {
            throw ConfigurationError(
                .syntax, Self.origin(of: root, path: path), "expected a mapping of keys at the top of the file")
        }
        try takeMapping(mapping, prefix: "", path: path)
    }

    /// Takes the values of flags: `--key value`, `--key=value`, and `--key` alone for true.
    ///
    /// Of two with the same key the last one counts.
    mutating func takeFlags(_ arguments: [String]) throws(ConfigurationError) {
        var position = 0
        while position < arguments.count {
            let argument = arguments[position]
            position += 1
            guard argument.hasPrefix("--"), argument.count > 2 else {
                throw ConfigurationError(
                    .syntax, .flag(argument), "expected a flag that begins with --, such as \(Self.exampleFlag)")
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(parts[0])
            guard let option = ConfigurationOption.named(key) else {
                let nearest = ConfigurationOption.named(NearestName.of(key))?.flag ?? Self.exampleFlag
                throw ConfigurationError(
                    .unknownKey, .flag("--\(key)"), "there is no such option; did you mean \(nearest)?")
            }
            let text: String
            if parts.count > 1 {
                text = String(parts[1])
            } else if position < arguments.count, !arguments[position].hasPrefix("--") {
                text = arguments[position]
                position += 1
            } else if option.isBoolean {
                text = "true"
            } else {
                throw ConfigurationError(
                    .syntax, .flag("--\(key)"), "the flag needs a value: \(option.expectation)")
            }
            given[option.name] = GivenValue(
                value: try Self.value(ofFlag: "--\(key)", text: text, option: option), origin: .flag("--\(key)"))
        }
    }

    /// Takes flags for the keys that nothing was given for yet.
    mutating func takeDefaults(_ arguments: [String]) throws(ConfigurationError) {
        var defaults = ConfigurationSource()
        try defaults.takeFlags(arguments)
        given.merge(defaults.given) { given, _ in given }
    }

    /// Takes what a task of GLUE decides for the keys that nothing was given for yet; without one nothing.
    mutating func takeTask(for purpose: ConfigurationPurpose) {
        // Whatever is wrong with the two values is told where all values are read.
        guard let name = given["task.name"], let task = ConfigurationCodec<GLUETask>.glueTask.parse(name.value) else {
            return
        }
        let folder = given["task.data_dir"].flatMap { ConfigurationCodec<String>.text.parse($0.value) }
        for (key, value) in task.values(in: folder, for: purpose) where given[key] == nil {
            given[key] = GivenValue(value: value, origin: .task(task))
        }
    }

    private static let exampleFlag = "--training.max-steps 20"

    private mutating func takeMapping(
        _ mapping: Node.Mapping, prefix: String, path: String
    ) throws(ConfigurationError) {
        for (keyNode, node) in mapping {
            let origin = Self.origin(of: keyNode, path: path)
            guard case .scalar(let key) = keyNode else {
                throw ConfigurationError(.syntax, origin, "a key has to be a text")
            }
            let name = prefix + key.string
            if let option = ConfigurationOption.named(name), ConfigurationOption.aliases[name] == nil {
                if given[option.name] != nil {
                    throw ConfigurationError(.duplicateKey, origin, "\(option.name) is given twice in this file")
                }
                given[option.name] = GivenValue(
                    value: try Self.value(of: node, name: name, path: path),
                    origin: Self.origin(of: node, path: path))
            } else if case .mapping(let section) = node, Self.isSection(name) {
                try takeMapping(section, prefix: name + ".", path: path)
            } else if Self.isSection(name) {
                guard Self.isNull(node) else {
                    throw ConfigurationError(.value, origin, "\(name) is a section: expected keys under it")
                }
            } else {
                throw ConfigurationError(
                    .unknownKey, origin, "there is no key \(name); did you mean \(NearestName.of(name))?")
            }
        }
    }

    private static func isSection(_ name: String) -> Bool {
        ConfigurationOption.all.contains { $0.name.hasPrefix(name + ".") }
    }

    private static func value(
        of node: Node, name: String, path: String
    ) throws(ConfigurationError) -> ConfigurationValue {
        if isNull(node) {
            return .null
        }
        switch node {
        case .scalar(let scalar): return .scalar(scalar.string)
        case .sequence(let sequence):
            var texts: [String] = []
            for element in sequence {
                guard case .scalar(let scalar) = element else {
                    throw ConfigurationError(
                        .value, origin(of: element, path: path), "\(name): expected plain values in the list")
                }
                texts.append(scalar.string)
            }
            return .list(texts)
        case .mapping, .alias:
            throw ConfigurationError(
                .value, origin(of: node, path: path), "\(name): expected a value, found a mapping or an alias")
        }
    }

    /// A flag's text: null, a list in YAML's brackets or between commas, or the text as it is.
    private static func value(
        ofFlag flag: String, text: String, option: ConfigurationOption
    ) throws(ConfigurationError) -> ConfigurationValue {
        if text == "null" {
            return .null
        }
        guard option.isList else {
            return .scalar(text)
        }
        if text.hasPrefix("[") {
            do {
                if let node = try Yams.compose(yaml: text), case .sequence = node {
                    return try value(of: node, name: option.name, path: flag)
                }
            } catch let error as ConfigurationError {
                throw ConfigurationError(.value, .flag(flag), error.message)
            } catch {
                throw ConfigurationError(.syntax, .flag(flag), "\"\(text)\" is not a list in brackets")
            }
            throw ConfigurationError(.syntax, .flag(flag), "\"\(text)\" is not a list in brackets")
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        return .list(text.isEmpty ? [] : parts)
    }

    private static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
            return false
        }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private static func origin(of node: Node, path: String) -> ConfigurationOrigin {
        .file(path: path, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }

    private static func syntaxError(_ error: YamlError, path: String) -> ConfigurationError {
        func at(_ mark: Mark?) -> ConfigurationOrigin {
            .file(path: path, line: mark?.line ?? 1, column: mark?.column ?? 1)
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let detail = [context?.text, problem].compactMap { $0 }.joined(separator: ": ")
            return ConfigurationError(.syntax, at(mark), "this is not YAML: \(detail)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return ConfigurationError(
                .duplicateKey, at(context.mark),
                "a mapping has the same key twice: \(duplicates.sorted().joined(separator: ", "))")
        case .reader(let problem, let offset, _, _):
            return ConfigurationError(
                .syntax, at(nil), "this is not YAML: \(problem)" + (offset.map { " at character \($0)" } ?? ""))
        default:
            return ConfigurationError(.syntax, at(nil), "this is not YAML: \(error)")
        }
    }
}
