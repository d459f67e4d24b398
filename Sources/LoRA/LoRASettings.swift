//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The shape of the LoRA that is put beside projections: ΔW = (alpha / r)·B·A, A [r, in], B [out, r].
///
/// Source: Hu et al., arXiv:2106.09685, §4.1; names and meaning as PEFT's `LoraConfig`.
package struct LoRASettings: Hashable, Sendable {
    /// r: rows of A and columns of B.
    package var adapterRank: Int
    /// The numerator of the scale.
    package var alpha: Double
    /// The chance that an element of the LoRA's input is dropped in training, in [0, 1).
    package var dropout: Double
    /// Which projections have a LoRA, by the rule of `TargetModules`.
    package var targetModules: [String]

    package init(
        adapterRank: Int = 8, alpha: Double = 16, dropout: Double = 0, targetModules: [String] = ["query", "value"]
    ) {
        self.adapterRank = adapterRank
        self.alpha = alpha
        self.dropout = dropout
        self.targetModules = targetModules
    }

    /// What B·A·x is multiplied with.
    package var scale: Float { Float(alpha / Double(adapterRank)) }

    /// - Throws: `LoRAError` with code `badSetting`, naming the setting.
    package func validate() throws(LoRAError) {
        guard (1...65_536).contains(adapterRank) else {
            throw LoRAError(.badSetting, "the LoRA rank must be a number from 1 to 65536, found \(adapterRank)")
        }
        guard alpha > 0, alpha.isFinite else {
            throw LoRAError(.badSetting, "the LoRA alpha must be a number above 0, found \(alpha)")
        }
        guard dropout >= 0, dropout < 1 else {
            throw LoRAError(.badSetting, "the LoRA dropout must be in [0, 1), found \(dropout)")
        }
        guard !targetModules.isEmpty else {
            throw LoRAError(.badSetting, "at least one target module is needed, for instance query and value")
        }
    }
}
