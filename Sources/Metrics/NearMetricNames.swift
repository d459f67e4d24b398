//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Spelling

/// Finds the metrics that a misspelt name was probably meant for.
enum NearMetricNames {
    /// What other programs call the metrics.
    private static let otherNames: [String: Metric] = [
        "acc": .accuracy, "mcc": .matthewsCorrelation, "matthews_corrcoef": .matthewsCorrelation,
        "f1_score": .f1, "macro_f1": .f1Macro, "pearsonr": .pearson, "pearson_correlation": .pearson,
        "mean_squared_error": .mse, "spearman_correlation": .spearmanr,
        "rouge_l": .rougeL, "rougel": .rougeL, "sacrebleu": .bleu, "em": .exactMatch,
    ]

    /// The nearest names, best first; none if nothing is near.
    static func of(_ unknown: String) -> [String] {
        let name = String(unknown.lowercased().map { $0 == "-" || $0 == " " ? "_" : $0 })
        if let metric = otherNames[name] ?? Metric(rawValue: name) { return [metric.rawValue] }
        // A name of any length costs time that grows with it.
        guard name.utf8.count >= 2, name.utf8.count <= 40 else { return [] }
        let costs = Metric.allCases.map(\.rawValue).map { candidate in
            (name: candidate, cost: candidate.hasPrefix(name) ? 1 : NearNames.editDistance(name, candidate))
        }
        let limit = max(1, name.count / 3)
        return costs.filter { $0.cost <= limit }.sorted { ($0.cost, $0.name) < ($1.cost, $1.name) }.map(\.name)
    }
}
