//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is wrong with a tokenizer's files, or with what was asked of a tokenizer.
package struct TokenizerError: Error, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// The folder holds no tokenizer that can be read.
        case missingFile
        /// A file could not be read, or is larger than the limit.
        case unreadableFile
        /// A file is not what its name says: broken JSON, text that is not UTF-8.
        case malformedFile
        /// A key is missing, has the wrong type or an impossible value.
        case invalidValue
        /// A tokenizer of a kind that loradrop does not have.
        case unsupported
        /// Two files of the folder disagree.
        case contradiction
        /// The maximum length leaves no room for the special tokens.
        case maximumLength
    }

    package let code: Code
    /// What was expected and found, where, and what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
