//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The two trainings of a run (Zhou et al., arXiv 2402.07721: importance is measured on a LoRA trained on a sample,
/// then the model is trained from its pre-trained weights).
///
/// Raw values enter the random draws' keys.
package enum Phase: UInt32, Sendable, Hashable, CaseIterable {
    /// LoRA on every layer, trained on the stratified sample.
    case probe = 1
    /// The kept layers' LoRA and the shared one, trained on all of the data.
    case fineTune = 2

    /// How messages name it.
    package var name: String {
        switch self {
        case .probe: "probe"
        case .fineTune: "fine-tune"
        }
    }
}
