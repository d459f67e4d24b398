//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// One key of the configuration: its names, kind, default, range and what it means.
package struct ConfigurationOption: Sendable {
    /// What a key has a say in.
    package enum Effect: String, Sendable, Hashable {
        /// The adapter's bytes: such keys enter the digest that decides whether a resume is the same run.
        case result
        /// Only how, where and how fast the run goes.
        case operational
    }

    /// The key in YAML, its sections before it: `lora_drop.sample_ratio`.
    package let name: String
    package let effect: Effect
    /// What is expected: "a whole number from 1 to 4096".
    package let expectation: String
    /// What it means, in a sentence or two.
    package let help: String
    /// Whether the flag may stand without a value, which means true.
    package let isBoolean: Bool
    /// Whether a flag's value is cut at commas.
    package let isList: Bool
    /// The value in the one way it is written.
    package let read: @Sendable (RunSettings) -> ConfigurationValue
    /// Whether the value was taken, being what is expected.
    let write: @Sendable (ConfigurationValue, inout RunSettings) -> Bool

    init<Value>(
        _ name: String, _ path: any WritableKeyPath<RunSettings, Value> & Sendable, _ codec: ConfigurationCodec<Value>,
        _ effect: Effect, _ help: String
    ) {
        self.name = name
        self.effect = effect
        self.help = help
        expectation = codec.expectation
        isBoolean = Value.self == Bool.self
        isList = Value.self == [String].self || Value.self == [Int].self
        read = { codec.format($0[keyPath: path]) }
        write = { value, settings in
            guard let parsed = codec.parse(value) else {
                return false
            }
            settings[keyPath: path] = parsed
            return true
        }
    }

    /// The key as a flag: `--lora-drop.sample-ratio`.
    package var flag: String {
        "--" + String(name.map { $0 == "_" ? "-" : $0 })
    }

    /// The default as text: empty where there is none and the key has to be given.
    package var defaultText: String {
        switch read(RunSettings()) {
        case .null: expectation.hasSuffix("or null") ? "null" : ""
        case .scalar(let text): text
        case .list(let texts): "[\(texts.joined(separator: ", "))]"
        }
    }

    /// Every key, in the order of files and tables.
    package static let all = modelOptions + taskOptions + generationOptions + loraOptions + trainingOptions + runOptions

    /// Short flags for what is typed often.
    package static let aliases = [
        "workers": "cluster.workers", "min_workers": "cluster.min_workers", "slots": "cluster.slots",
        "task_name": "task.name", "data_dir": "task.data_dir", "metric": "task.metric",
        "new_tokens": "generation.new_tokens", "beams": "generation.beams",
        "length_penalty": "generation.length_penalty", "early_stopping": "generation.early_stopping",
        "temperature": "generation.temperature", "top_p": "generation.top_p", "generation_seed": "generation.seed",
        "group_references": "generation.group_references",
    ]

    /// The option of a name; underscores and hyphens are the same.
    package static func named(_ name: String) -> ConfigurationOption? {
        let key = String(name.map { $0 == "-" ? "_" : $0 })
        return byName[key] ?? aliases[key].flatMap { byName[$0] }
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
