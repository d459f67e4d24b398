//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A base model, or input for one, that cannot be used.
package struct TransformerError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The configuration file cannot be read or is not JSON.
        case unreadableConfiguration
        /// A key is absent or has a value that is not possible.
        case badConfiguration
        /// The configuration is sound, but asks for what is not supported.
        case unsupportedModel
        /// The weights hold no tensor under any of the names it may have.
        case missingTensor
        /// The folder has no pooler, and training one was not asked for.
        case missingPooler
        /// A batch has a token, a token type or a length that the model has no embedding for.
        case badBatch
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
