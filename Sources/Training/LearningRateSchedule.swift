//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// How the learning rate moves over a training: a warm-up that rises linearly from zero, then a decay.
///
/// The multipliers are those of transformers' `get_linear_schedule_with_warmup`, `get_cosine_schedule_with_warmup`
/// and `get_constant_schedule_with_warmup`, so that step 0 of a warm-up has the rate zero.
package struct LearningRateSchedule: Hashable, Sendable {
    package enum Shape: String, CaseIterable, Sendable {
        case linear, cosine, constant
    }

    package var shape: Shape
    /// Steps until the full rate.
    package var warmupSteps: Int
    /// Steps of the whole training.
    package var totalSteps: Int

    package init(shape: Shape, warmupSteps: Int, totalSteps: Int) {
        precondition(warmupSteps >= 0 && totalSteps >= 0, "\(warmupSteps) warm-up steps of \(totalSteps)")
        self.shape = shape
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// What the learning rate is multiplied by in the 0-based `step`.
    package func multiplier(step: Int) -> Double {
        if step < warmupSteps {
            return Double(step) / Double(max(1, warmupSteps))
        }
        let decaySteps = Double(max(1, totalSteps - warmupSteps))
        switch shape {
        case .constant:
            return 1
        case .linear:
            return max(0, Double(totalSteps - step) / decaySteps)
        case .cosine:
            let progress = Double(step - warmupSteps) / decaySteps
            return max(0, 0.5 * (1 + cos(Double.pi * progress)))
        }
    }
}
