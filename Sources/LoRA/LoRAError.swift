//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Settings, decisions or adapter files that cannot be used.
///
/// The message says what was expected, what was found, where, and what to do; `code` is the part tests compare.
package struct LoRAError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// A number outside its range: a rank of 0, a negative alpha.
        case badSetting
        /// A target module that no projection of the model matches.
        case unknownTarget
        /// A target module that also matches a layer that cannot have a LoRA here.
        case unsupportedTarget
        /// A layer number that the model does not have, or that is named twice.
        case badLayer
        /// No layer would have a LoRA.
        case nothingToTrain
        /// Importance that ranks nothing: all zero, negative or not finite.
        case badImportance
        /// An adapter folder's file that is not there or cannot be read.
        case unreadableAdapter
        /// An adapter file that is not what PEFT or loradrop writes.
        case badAdapter
        /// An adapter that needs a feature which is not supported.
        case unsupportedAdapter
        /// Tensors that the adapter should have and does not have, or has and should not.
        case wrongTensors
        /// An adapter tensor of another shape than the base model's.
        case wrongShape
        /// An adapter value that is an infinity or not a number.
        case notFinite
        /// An adapter that was trained on another base model.
        case otherBaseModel
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
