//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What an evaluation's quality is told by.
///
/// Raw values are the names in files, without the `eval_`.
package enum MetricChoice: String, Sendable, Hashable, CaseIterable {
    case accuracy
    case f1
    case f1Macro = "f1_macro"
    case matthewsCorrelation = "matthews_correlation"
    case pearson
    case spearman

    /// Whether it compares numbers rather than classes.
    package var isForRegression: Bool {
        switch self {
        case .pearson, .spearman: true
        case .accuracy, .f1, .f1Macro, .matthewsCorrelation: false
        }
    }
}

/// What the layer decision ranks.
package enum GranularityChoice: String, Sendable, Hashable, CaseIterable {
    /// A layer with all its modules.
    case layer
    /// Every LoRA module on its own.
    case module
}

/// What the layer decision ranks by.
package enum ScoreChoice: String, Sendable, Hashable, CaseIterable {
    /// LoRA-drop's own: the squared norm of the LoRA's output.
    case output
    case random
    /// The least important first.
    case reverse
    case weightNorm = "weight-norm"
    case gradient
}

/// What the layers get that are not kept.
package enum ShareChoice: String, Sendable, Hashable, CaseIterable {
    /// One LoRA for a target module name, trained.
    case trained
    /// The same, as it was initialised.
    case frozen
    /// No LoRA.
    case absent
}

/// What the fine-tuning starts from.
package enum StartChoice: String, Sendable, Hashable, CaseIterable {
    /// Newly initialised LoRA.
    case fresh
    /// The probe's.
    case warm
}

/// How the learning rate goes on after the warm-up.
package enum ScheduleChoice: String, Sendable, Hashable, CaseIterable {
    case linear
    case cosine
    case constant
}

/// When something is done again.
package enum IntervalChoice: String, Sendable, Hashable, CaseIterable {
    case epoch
    case steps
    case never = "no"
}

/// The least level of log records that are kept.
package enum LogThreshold: String, Sendable, Hashable, CaseIterable {
    case trace
    case debug
    case info
    case warning
    case error
}
