//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Bytes or a message that must not be trusted.
///
/// Whoever sent them loses the connection.
package struct WireError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, as a value.
    package enum Code: Hashable, Sendable {
        /// The stream does not start a frame here: another protocol, or a lost byte.
        case badMagic
        /// A frame format of another version.
        case badVersion
        /// A frame kind that no version of this program knows.
        case unknownKind
        /// A known kind that has no place on this link or in this direction.
        case unexpectedKind
        /// A length, or the memory a message would take, is above its limit.
        case oversized
        /// The header is not a protobuf message of its kind.
        case malformed
        /// A field is outside its range, or fields contradict each other.
        case badField
    }

    package let code: Code
    /// Expected, found, where.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String {
        message
    }
}
