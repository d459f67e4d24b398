//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a text cannot be generated.
package struct GenerationError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Settings or a prompt that make no sense: the user's to mend.
        case badRequest
        /// A base model that generates no texts.
        case mismatch
    }

    package let code: Code
    /// What was expected, what was found, and what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
