//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// What a configuration is loaded for: which keys have to be there.
package enum ConfigurationPurpose: Sendable, Hashable {
    /// A run: model, training file, columns and run folder.
    case training
    /// `evaluate`: model, text and label columns.
    case evaluation
    /// `predict`: model and text column.
    case prediction
}

extension RunSettings {
    /// Reads a configuration file, lays the flags over it and checks the whole.
    ///
    /// - Parameters:
    ///   - file: the YAML file; nil where flags give everything.
    ///   - flags: the raw arguments: `["--lora-drop.threshold", "0.5", "--training.max-steps=20"]`.
    ///   - defaults: flags that count only where neither the file nor `flags` has the key.
    package static func load(
        file: String?, flags: [String] = [], defaults: [String] = [], for purpose: ConfigurationPurpose = .training
    ) throws(ConfigurationError) -> RunSettings {
        let yaml = try file.map { path throws(ConfigurationError) in try text(of: path) }
        let given = try source(yaml, path: file ?? "", flags: flags, defaults: defaults, for: purpose)
        let loaded = try settings(from: given, for: purpose)
        try loaded.requireFiles(of: given)
        return loaded
    }

    /// The same of a text: what workers do with the canonical text they are sent.
    /// - Parameter path: what errors call the text.
    package static func parse(
        _ yaml: String?, path: String, flags: [String] = [], defaults: [String] = [],
        for purpose: ConfigurationPurpose = .training
    ) throws(ConfigurationError) -> RunSettings {
        try settings(
            from: source(yaml, path: path, flags: flags, defaults: defaults, for: purpose), for: purpose)
    }

    private static func source(
        _ yaml: String?, path: String, flags: [String], defaults: [String], for purpose: ConfigurationPurpose
    ) throws(ConfigurationError) -> ConfigurationSource {
        var source = ConfigurationSource()
        if let yaml {
            try source.takeFile(yaml, path: path)
        }
        try source.takeFlags(flags)
        source.takeTask(for: purpose)
        try source.takeDefaults(defaults)
        return source
    }

    private static func settings(
        from source: ConfigurationSource, for purpose: ConfigurationPurpose
    ) throws(ConfigurationError) -> RunSettings {
        var settings = RunSettings()
        for option in ConfigurationOption.all {
            guard let given = source.given[option.name] else {
                continue
            }
            if !option.write(given.value, &settings) {
                throw ConfigurationError(
                    .value, given.origin,
                    "\(option.name): expected \(option.expectation), found \(given.value.shown)")
            }
        }
        try ConfigurationChecks(settings: settings, origins: source.given.mapValues(\.origin)).check(for: purpose)
        return settings
    }

    /// That the files are there which nobody named: a task of GLUE has them under other names in some places.
    private func requireFiles(of source: ConfigurationSource) throws(ConfigurationError) {
        for (key, path) in [("task.train", task.train), ("task.validation", task.validation)] {
            guard let path, case .task = source.given[key]?.origin, !FileManager.default.fileExists(atPath: path)
            else { continue }
            throw ConfigurationError(
                .missing, source.given[key]?.origin ?? .none,
                "there is no \(path); expected the folder of GLUE's files in task.data_dir, which \(shown(path)); give a "
                    + "file of another name as \(key)")
        }
    }

    /// What the folder of a missing file has instead.
    private func shown(_ path: String) -> String {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            return "is no folder that can be read"
        }
        let shown = names.sorted().prefix(8).joined(separator: ", ")
        return names.isEmpty ? "is empty" : "has \(shown)\(names.count > 8 ? ", …" : "")"
    }

    private static func text(of path: String) throws(ConfigurationError) -> String {
        let origin = ConfigurationOrigin.file(path: path, line: 1, column: 1)
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            throw ConfigurationError(.unreadable, origin, "there is no such file")
        } catch {
            throw ConfigurationError(.unreadable, origin, "the file cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= 1 << 20 else {
            throw ConfigurationError(.unreadable, origin, "a configuration of \(data.count) bytes, above 1 MiB")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError(.unreadable, origin, "the file is not UTF-8")
        }
        return text
    }
}

extension ConfigurationValue {
    /// The value as an error quotes it.
    fileprivate var shown: String {
        switch self {
        case .null: "null"
        case .scalar(let text): "\"\(text)\""
        case .list(let texts): "[\(texts.joined(separator: ", "))]"
        }
    }
}
