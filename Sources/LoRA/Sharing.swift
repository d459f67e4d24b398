//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What the projections have that own no LoRA in the fine-tuning.
package enum Sharing: String, Sendable, Hashable, CaseIterable, Codable {
    /// One LoRA a target module name, trained with the rest.
    case trained
    /// The same, never updated: after a fresh start it stays zero.
    case frozen
    /// No LoRA at all.
    case absent
}
