//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a training could not go on.
package struct TrainingError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// A loss, a gradient or an importance is not finite, or too large for the exact sum.
        case notFinite
        /// A shard is missing from a sum or stands in it twice.
        case shardsMiscounted
        /// A state that does not belong to this training.
        case wrongState
        /// A checkpoint that cannot be read or does not fit.
        case badCheckpoint
        /// Data that cannot be trained on.
        case badData
        /// The user asked for something that cannot be done.
        case badRequest
    }
    package let code: Code
    package let message: String
    /// The index of the shard that it is about, if it is about one.
    package let shard: Int?

    package init(code: Code, message: String, shard: Int? = nil) {
        self.code = code
        self.message = message
        self.shard = shard
    }

    package var description: String { message }
}
