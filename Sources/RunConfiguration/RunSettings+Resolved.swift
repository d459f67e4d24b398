//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import Metrics

extension RunSettings {
    /// When evaluations are made: `auto` resolved.
    package var resolvedEvaluationStrategy: IntervalChoice {
        training.evaluationStrategy ?? (task.validation == nil ? .never : .epoch)
    }
}

extension RunSettings.TaskSection {
    /// The metric: `auto` resolved.
    package var resolvedMetric: Metric {
        if let metric { return metric }
        return switch kind {
        case .classification: .accuracy
        case .regression: .pearson
        case .generation: .perplexity
        }
    }

    /// How the task's files are read.
    /// - Parameter labelled: whether the label column is read, if there is one.
    package func datasetOptions(labelled: Bool = true) -> DatasetOptions {
        if kind == .generation {
            return DatasetOptions(
                format: format, header: header, quoting: quoting,
                columns: DataColumns(text: prompt, textPair: labelled ? completion : nil), kind: kind)
        }
        return DatasetOptions(
            format: format, header: header, quoting: quoting,
            columns: DataColumns(
                text: ColumnSelector(textColumn), textPair: textPairColumn.map { ColumnSelector($0) },
                label: labelled ? labelColumn.map { ColumnSelector($0) } : nil),
            kind: kind)
    }
}

extension RunSettings.TrainingSection {
    /// The head's learning rate: that of the LoRA where none is given.
    package var resolvedHeadLearningRate: Double { headLearningRate ?? learningRate }
}
