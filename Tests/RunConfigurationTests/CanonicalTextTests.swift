//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import Generation
import Metrics
import RunConfiguration
import Testing
import Training

@Suite("Canonical text, digest and table")
struct CanonicalTextTests {
    @Test("the canonical text gives equal settings again, whatever the values hold")
    func roundTrip() throws {
        let awkward = [
            "null", "~", "", "true", "a: b", "# no", "- x", "\"quoted\" \\ 'too'", "tab\tand\nline",
            "é \u{85} \u{2028} 😀",
            "[a, b]", "{", "1e3", "*alias", "&anchor", "!tag", "%", "@", "|", " lead", "trail ", "-", "---",
        ]
        for text in awkward where !text.isEmpty {
            var settings = try RunSettings.parse(minimal, path: "")
            settings.task.labels = [text, "other"]
            settings.task.validation = text
            settings.outputDirectory = text
            #expect(try RunSettings.parse(settings.canonicalText, path: "config.yaml") == settings, "\(text)")
        }
    }

    @Test("every option survives the canonical text at a value that is not its default")
    func everyOption() throws {
        let settings = try RunSettings.parse(
            nil, path: "",
            flags: [
                "--model=m", "--model-options.train-pooler", "--task.name=rte", "--task.data-dir=d",
                "--task.type=classification", "--task.train=t",
                "--task.validation=v", "--task.format=csv", "--task.header=false", "--task.quoting=false",
                "--task.columns.text=a", "--task.columns.text-pair=b", "--task.columns.label=c", "--task.labels=x,y",
                "--task.metric=f1", "--task.positive-label=x", "--lora.rank=3", "--lora.alpha=2.5",
                "--lora.dropout=0.1",
                "--lora.target-modules=key", "--lora-drop.sample-ratio=0.25", "--lora-drop.threshold=0.7",
                "--lora-drop.probe-epochs=2", "--lora-drop.probe-learning-rate=3e-5", "--lora-drop.granularity=module",
                "--lora-drop.score=weight-norm", "--lora-drop.share=frozen", "--lora-drop.start=warm",
                "--lora-drop.keep-count=4", "--training.epochs=7", "--training.max-steps=99",
                "--training.batch-size=5", "--training.gradient-accumulation-steps=2", "--training.shard-tokens=64",
                "--training.learning-rate=1e-7", "--training.head-learning-rate=0.1", "--training.schedule=cosine",
                "--training.warmup-ratio=0.5", "--training.warmup-steps=3", "--training.weight-decay=0.01",
                "--training.adam-beta1=0.8", "--training.adam-beta2=0.99", "--training.adam-epsilon=1e-6",
                "--training.max-gradient-norm=0", "--training.max-sequence-length=64", "--training.seed=9",
                "--training.evaluation-strategy=steps", "--training.evaluation-steps=10", "--training.logging-steps=1",
                "--training.save-strategy=steps", "--training.save-steps=11", "--training.save-total-limit=2",
                "--training.early-stopping-patience=3", "--training.early-stopping-threshold=0.01",
                "--training.load-best-at-end", "--training.matmul-precision=high",
                "--training.keep-split-weights", "--training.recompute",
                "--training.trace-dir=t", "--output-dir=o",
                "--resume=false",
                "--cluster.workers=3", "--cluster.min-workers=2", "--cluster.max-workers=5",
                "--cluster.rejoin-timeout=9", "--cluster.coordinator-timeout=8", "--cluster.slots=2",
                "--cluster.bind=0.0.0.0", "--cluster.advertise=10.0.0.1", "--cluster.port=7000",
                "--cluster.join-timeout=1.5", "--cluster.link-timeout=12", "--cluster.silence-timeout=20",
                "--cluster.step-timeout-floor=2",
                "--cluster.shutdown-timeout=3", "--cluster.allow-mixed-kernels", "--cluster.audit=0.5",
                "--log.level=debug",
            ])
        let defaults = RunSettings()
        // Set below, by the test of layers kept by hand, which excludes the count, and by that of a generation.
        let untouched = ["lora_drop.keep_layers", "task.type", "task.prompt", "task.completion"]
        for option in ConfigurationOption.all
        where !untouched.contains(option.name) && !option.name.hasPrefix("generation.") {
            #expect(option.read(settings) != option.read(defaults), "\(option.name) was not set")
        }
        #expect(try RunSettings.parse(settings.canonicalText, path: "config.yaml") == settings)
        var kept = try RunSettings.parse(minimal, path: "")
        kept.loraDrop.keepLayers = [3, 0]
        #expect(try RunSettings.parse(kept.canonicalText, path: "config.yaml") == kept)
    }

    @Test("a generation's templates survive the canonical text, and columns are refused beside them")
    func generation() throws {
        let flags = [
            "--model=m", "--task.type=generation", "--task.train=t", "--output-dir=o",
            "--task.prompt=Meaning: {mr}\nText {{}}:", "--task.completion= {ref}",
        ]
        let settings = try RunSettings.parse(nil, path: "", flags: flags)
        #expect(settings.task.prompt.description == "Meaning: {mr}\nText {{}}:")
        #expect(settings.loss == .completion && settings.metrics == [.perplexity])
        #expect(try RunSettings.parse(settings.canonicalText, path: "config.yaml") == settings)
        let search =
            flags + [
                "--new-tokens=5", "--beams=3", "--length-penalty", "-0.5", "--early-stopping", "--generation-seed=7",
                "--group-references",
            ]
        let searching = try RunSettings.parse(nil, path: "", flags: search)
        let drawing = try RunSettings.parse(nil, path: "", flags: flags + ["--temperature=0.5", "--top-p=0.9"])
        for option in ConfigurationOption.all where option.name.hasPrefix("generation.") {
            let isSet = [searching, drawing].contains { option.read($0) != option.read(settings) }
            #expect(isSet, "\(option.name) was not set")
        }
        for settings in [searching, drawing] {
            #expect(try RunSettings.parse(settings.canonicalText, path: "config.yaml") == settings)
        }
        #expect(
            try searching.generationSettings(endTokens: [2]).strategy
                == .beams(count: 3, lengthPenalty: -0.5, stopsEarly: true))
        #expect(
            try drawing.generationSettings(endTokens: [2]).strategy == .sampled(temperature: 0.5, topP: 0.9, seed: 42))
        #expect(try settings.generationSettings(endTokens: [2]).strategy == .greedy)
        for more in ["--task.columns.text=mr", "--task.columns.label=ref", "--task.labels=a,b", "--metric=accuracy"] {
            #expect(throws: ConfigurationError.self) {
                try RunSettings.parse(nil, path: "", flags: flags + [more])
            }
        }
        #expect(throws: ConfigurationError.self) {
            try RunSettings.parse(minimal, path: "", flags: ["--task.prompt={a}"])
        }
        #expect(throws: ConfigurationError.self) {
            try RunSettings.parse(nil, path: "", flags: flags + ["--task.completion={a"])
        }
    }

    @Test("the canonical text nests its sections and gives each key once")
    func layout() throws {
        let text = try RunSettings.parse(minimal, path: "").canonicalText
        #expect(text.hasPrefix("model: models/m\nmodel_options:\n  train_pooler: false\ntask:\n"))
        #expect(text.contains("\n  columns:\n    text: 3\n    text_pair: null\n    label: 1\n"))
        #expect(text.contains("\n  prompt: \"{prompt}\"\n  completion: \"{completion}\"\n  labels: []\n"))
        #expect(text.contains("\n  adam_epsilon: 1e-08\n"))
        #expect(text.split(separator: "\n").count { $0.hasSuffix(":") } == 9)
    }

    @Test("the digest changes with each key that decides the result, and with no other")
    func digest() throws {
        let settings = try RunSettings.parse(minimal, path: "")
        let digest = settings.resultDigest
        func changed(_ change: (inout RunSettings) -> Void) -> Bool {
            var other = settings
            change(&other)
            return other.resultDigest != digest
        }
        #expect(!changed { $0.outputDirectory = "elsewhere" })
        #expect(!changed { $0.cluster.workers = 5 })
        #expect(!changed { $0.cluster.silenceTimeout = 7 })
        #expect(!changed { $0.training.loggingSteps = 1 })
        #expect(!changed { $0.training.saveTotalLimit = 1 })
        #expect(!changed { $0.training.traceDirectory = "trace" })
        #expect(changed { $0.training.seed = 1 })
        #expect(changed { $0.training.shardTokens = 97 })
        #expect(changed { $0.loraDrop.threshold = 0.91 })
        #expect(changed { $0.task.labels = ["a", "b"] })
        #expect(changed { $0.task.labels = ["a, b"] })
        #expect(changed { $0.model = "other" })
    }

    @Test("names of keys are unique, defaults are within their ranges, no flag collides with an alias")
    func table() {
        let names = ConfigurationOption.all.map(\.name)
        #expect(Set(names).count == names.count)
        for option in ConfigurationOption.all {
            #expect(ConfigurationOption.named(String(option.flag.dropFirst(2)))?.name == option.name)
        }
        for (alias, name) in ConfigurationOption.aliases {
            #expect(!names.contains(alias) && names.contains(name))
        }
    }
}
