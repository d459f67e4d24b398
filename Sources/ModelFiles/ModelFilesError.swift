//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A base model's files that cannot be served, kept or used.
package struct ModelFilesError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// Files that make up no model.
        case badListing
        /// Bytes that are not those of the listing.
        case wrongBytes
        /// The disk, or what may be written to it, is used up.
        case noSpace
        /// Another process is fetching the same model and does not get on with it.
        case stuck
        /// There is no folder for the cache.
        case noFolder
    }
    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
