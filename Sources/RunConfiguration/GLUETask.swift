//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A task of GLUE (Wang et al., "GLUE: A Multi-Task Benchmark and Analysis Platform", 2019) in the layout of its TSV
/// files: what `task.name` and `task.data_dir` stand for.
package enum GLUETask: String, Sendable, Hashable, CaseIterable {
    case cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli

    /// The values of the keys that the task decides; what is given otherwise goes before them.
    /// - Parameters:
    ///   - folder: The task's own folder, with `train.tsv` and the file of `developmentFile`; nil: no files.
    ///   - purpose: An adapter names its labels by itself, in an order that need not be ours: only a training gets them.
    func values(in folder: String?, for purpose: ConfigurationPurpose) -> [String: ConfigurationValue] {
        var values: [String: ConfigurationValue] = [
            "task.type": .scalar(self == .stsb ? "regression" : "classification"),
            "task.format": .scalar("tsv"),
            "task.header": .scalar(hasHeader ? "true" : "false"),
            // Sentences hold single quotes of a pair: read with quoting, MRPC, STS-B and QNLI would lose rows.
            "task.quoting": .scalar("false"),
            "task.columns.text": .scalar(columns.text),
            "task.columns.label": .scalar(columns.label),
            "task.metric": .scalar(metric),
        ]
        values["task.columns.text_pair"] = columns.pair.map { .scalar($0) }
        guard purpose == .training else { return values }
        if self != .stsb {
            values["task.labels"] = .list(labels)
        }
        if let folder {
            values["task.train"] = .scalar("\(folder)/train.tsv")
            values["task.validation"] = .scalar("\(folder)/\(developmentFile)")
        }
        return values
    }

    /// The file that evaluations use; of MNLI's two the one of the training's genres.
    private var developmentFile: String { self == .mnli ? "dev_matched.tsv" : "dev.tsv" }

    private var hasHeader: Bool { self != .cola }

    /// By the header's names, which test files share, or in CoLA by 0-based numbers.
    private var columns: (text: String, pair: String?, label: String) {
        switch self {
        case .cola: ("3", nil, "1")
        case .sst2: ("sentence", nil, "label")
        case .mrpc: ("#1 String", "#2 String", "Quality")
        case .stsb: ("sentence1", "sentence2", "score")
        case .qqp: ("question1", "question2", "is_duplicate")
        case .mnli: ("sentence1", "sentence2", "gold_label")
        case .qnli: ("question", "sentence", "label")
        case .rte, .wnli: ("sentence1", "sentence2", "label")
        }
    }

    /// In the order that a whole training file gives by itself; a small sample may lack one.
    private var labels: [String] {
        switch self {
        case .cola, .sst2, .mrpc, .qqp, .wnli: ["0", "1"]
        case .mnli: ["contradiction", "entailment", "neutral"]
        case .qnli, .rte: ["entailment", "not_entailment"]
        case .stsb: []
        }
    }

    /// GLUE's own; where it has two, their mean, which is reported beside both.
    private var metric: String {
        switch self {
        case .cola: "matthews_correlation"
        case .mrpc, .qqp, .stsb: "combined_score"
        case .sst2, .mnli, .qnli, .rte, .wnli: "accuracy"
        }
    }
}
