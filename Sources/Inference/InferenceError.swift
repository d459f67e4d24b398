//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a finished adapter cannot be used as asked.
package struct InferenceError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Labels, task or metric that do not go with the adapter: the user's to mend.
        case badRequest
        /// A base model, a tokenizer and an adapter that do not go together.
        case mismatch
        /// An output that is not a number.
        case notFinite
        /// A folder with neither an adapter nor a run.
        case noAdapter
        /// Copies of a shared LoRA that are not the same, or not all there.
        case brokenSharing
    }

    package let code: Code
    /// What was expected, what was found, where, and what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
