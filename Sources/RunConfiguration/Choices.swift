//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the fine-tuning starts from.
package enum StartChoice: String, Sendable, Hashable, CaseIterable {
    /// Newly initialised LoRA.
    case fresh
    /// The probe's.
    case warm
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
