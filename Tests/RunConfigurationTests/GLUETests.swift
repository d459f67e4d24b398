//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import Metrics
import RunConfiguration
import Testing

/// Two rows of a task of GLUE in the layout of its files, and what they say.
struct GLUESample: Sendable, CustomTestStringConvertible {
    let task: GLUETask
    let header: String?
    let rows: [String]
    let first: Example
    let labels: [String]
    let metrics: [Metric]

    var testDescription: String { task.rawValue }
    var text: String { ([header] + rows).compactMap { $0 }.map { $0 + "\n" }.joined() }

    private init(
        _ task: GLUETask, _ header: String?, _ rows: [String], _ text: String, _ pair: String?, _ label: Label,
        _ labels: [String], _ metrics: [Metric]
    ) {
        (self.task, self.header, self.rows, self.labels, self.metrics) = (task, header, rows, labels, metrics)
        first = Example(index: 0, text: text, pair: pair, label: label)
    }

    private static let parses =
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse"
    private static let two = ["0", "1"]
    private static let entailments = ["entailment", "not_entailment"]

    static let all = [
        GLUESample(
            .cola, nil, ["gj04\t1\t\tThey \"sang.", "bc01\t0\t*\tSang they"], "They \"sang.", nil, .category("1"), two,
            [.matthewsCorrelation, .accuracy]),
        GLUESample(
            .sst2, "sentence\tlabel", ["a charming journey . \t1", "bleak \t0"], "a charming journey . ", nil,
            .category("1"), two, [.accuracy]),
        GLUESample(
            .mrpc, "\u{FEFF}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
            ["0\t1\t2\tHe said \"no.\t\"He said", "1\t3\t4\ta\ta"], "He said \"no.", "\"He said", .category("0"), two,
            [.combinedScore, .accuracy, .f1]),
        GLUESample(
            .stsb, "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
            ["0\tnews\tf\t2012\t1\tnone\tnone\tA man.\t\"A hat.\t4.750", "1\tnews\tf\t2012\t2\tnone\tnone\ta\tb\t0.0"],
            "A man.", "\"A hat.", .score(4.75), [], [.combinedScore, .pearson, .spearmanr]),
        GLUESample(
            .qqp, "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
            ["5\t1\t2\tWho?\tWhat?\t0", "6\t3\t4\tWhy?\tWhy?\t1"],
            "Who?", "What?", .category("0"), two, [.combinedScore, .accuracy, .f1]),
        GLUESample(
            .mnli, parses + "\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
            [
                "0\t1\t1n\tfiction\t( a )\t( b )\t(a)\t(b)\tIt rains.\tIt is wet.\tneutral\tentailment",
                "1\t2\t2n\tfiction\t( a )\t( b )\t(a)\t(b)\ta\tb\tneutral\tneutral",
            ], "It rains.", "It is wet.", .category("entailment"), ["contradiction", "entailment", "neutral"],
            [.accuracy]),
        GLUESample(
            .qnli, "index\tquestion\tsentence\tlabel",
            ["0\tWhen?\tIn 1999.\tentailment", "1\tWho?\tSo.\tnot_entailment"],
            "When?", "In 1999.", .category("entailment"), entailments, [.accuracy]),
        GLUESample(
            .rte, "index\tsentence1\tsentence2\tlabel",
            ["0\tIt rains.\tIt is dry.\tnot_entailment", "1\ta\tb\tentailment"],
            "It rains.", "It is dry.", .category("not_entailment"), entailments, [.accuracy]),
        GLUESample(
            .wnli, "index\tsentence1\tsentence2\tlabel", ["0\tIt fell.\tThe cup fell.\t1", "1\ta\tb\t0"], "It fell.",
            "The cup fell.", .category("1"), two, [.accuracy]),
    ]
}

@Suite("GLUE as one word")
struct GLUETests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("glue-\(UUID().uuidString)")

    /// Writes a file for the time of `body`.
    private func with<Result>(_ files: [String: String], _ body: (String) throws -> Result) throws -> Result {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        return try body(folder.path)
    }

    private func flags(_ task: GLUETask, _ folder: String) -> [String] {
        ["--model", "m", "--output-dir", "o", "--task-name", task.rawValue, "--data-dir", folder]
    }

    @Test("a task's files are read by its name alone", arguments: GLUESample.all)
    func files(_ sample: GLUESample) throws {
        let development = sample.task == .mnli ? "dev_matched.tsv" : "dev.tsv"
        try with(["train.tsv": sample.text, development: sample.text]) { folder in
            let settings = try RunSettings.load(file: nil, flags: flags(sample.task, folder))
            for file in [settings.task.train, settings.task.validation] {
                let data = try DatasetReader(settings.task.datasetOptions()).read(try #require(file))
                #expect(data.examples.count == 2 && data.examples[0] == sample.first)
                if settings.task.kind == .classification {
                    _ = try LabelList(settings.task.labels, source: "task.labels").targets(of: data)
                } else {
                    _ = try data.scoreTargets()
                }
            }
            #expect(settings.task.labels == sample.labels && settings.metrics == sample.metrics)
            #expect(try RunSettings.parse(settings.canonicalText, path: "config.yaml") == settings)
        }
        #expect(Set(GLUESample.all.map(\.task)) == Set(GLUETask.allCases))
    }

    @Test("what is given goes before what the task decides")
    func precedence() throws {
        let yaml = "task: { name: SST-2, data_dir: d, metric: f1, columns: { text: words } }\n"
        let settings = try RunSettings.parse(
            yaml, path: "run.yaml",
            flags: ["--model=m", "--output-dir=o", "--task.train=other.tsv", "--task.labels=1,0"])
        #expect(settings.task.name == .sst2 && settings.task.metric == .f1 && settings.task.textColumn == "words")
        #expect(settings.task.train == "other.tsv" && settings.task.validation == "d/dev.tsv")
        #expect(settings.task.labels == ["1", "0"] && settings.task.labelColumn == "label")
        #expect(settings.task.quoting == false && settings.task.format == .tsv && settings.task.header)
    }

    @Test("an adapter names its labels by itself, and needs no files of the task")
    func adapters() throws {
        let settings = try RunSettings.load(
            file: nil, flags: ["--model=m", "--task-name=mnli"], defaults: ["--task.type=classification"],
            for: .evaluation)
        #expect(settings.task.labels.isEmpty && settings.task.labelColumn == "gold_label")
        #expect(settings.task.textPairColumn == "sentence2" && settings.task.train == nil)
    }

    @Test("a file that is not there is named, with what the folder has instead")
    func missing() throws {
        let sample = GLUESample.all[0]
        try with(["train.tsv": sample.text, "in_domain_dev.tsv": sample.text]) { folder in
            let error = #expect(throws: ConfigurationError.self) {
                try RunSettings.load(file: nil, flags: flags(.cola, folder))
            }
            #expect(error?.code == .missing)
            for part in ["task.name cola", "\(folder)/dev.tsv", "in_domain_dev.tsv, train.tsv", "task.validation"] {
                #expect(error?.description.contains(part) == true, "\(error?.description ?? "") lacks \(part)")
            }
            let own = ["--task.validation", folder + "/in_domain_dev.tsv"]
            #expect(throws: Never.self) { try RunSettings.load(file: nil, flags: flags(.cola, folder) + own) }
        }
        let nowhere = #expect(throws: ConfigurationError.self) {
            try RunSettings.load(file: nil, flags: flags(.rte, "/nowhere"))
        }
        #expect(nowhere?.description.contains("/nowhere/train.tsv") == true)
    }

    @Test("a name that GLUE has not, a folder without a task and a task without a folder are refused")
    func refusals() {
        expectError(.value, "task.name", "cola, sst2", flags: ["--task-name", "squad"])
        expectError(.conflict, "--data-dir", "task.name", flags: ["--data-dir", "d"])
        expectError(
            .missing, "task.train", "--data-dir", yaml: nil, flags: ["--model=m", "--output-dir=o", "--task-name=rte"])
        expectError(.conflict, "task.name cola", "matthews", flags: ["--task-name=cola", "--task.type=regression"])
    }
}
