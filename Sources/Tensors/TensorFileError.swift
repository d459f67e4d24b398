//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A file with tensors that cannot be used as it is.
///
/// The message says the file, the tensor, what was expected and what was found; `code` is the part tests compare.
package struct TensorFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The operating system refused to open, map, write or rename a file.
        case inputOutput
        /// The file ends before its header, or its data, does.
        case truncated
        /// The header's stated length is above the format's limit.
        case headerTooLong
        /// The header is not UTF-8.
        case badText
        /// The header is not the JSON that the format has.
        case badHeader
        /// A name stands twice in a header, or in two shards.
        case duplicateName
        /// A `dtype` that the format does not know.
        case unknownElementType
        /// A shape whose element or byte count is beyond 64 bits, or that has too many dimensions.
        case shapeOverflow
        /// `data_offsets` that are reversed or do not fit `dtype` and `shape`.
        case badOffsets
        /// Two tensors use the same bytes.
        case overlap
        /// Bytes between or behind tensors that belong to none.
        case hole
        /// A tensor that is not there.
        case missingTensor
        /// A tensor's shape is not the model's.
        case unexpectedShape
        /// A tensor whose `dtype` cannot be a weight.
        case unexpectedElementType
        /// A weight that is an infinity or not a number.
        case notFinite
        /// A folder without safetensors files.
        case noWeights
        /// A shard index that is not what the format has.
        case badIndex
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
