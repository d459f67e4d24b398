//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The operating system refused something that was asked of a file or a folder.
package struct FileError: Error, Hashable, CustomStringConvertible {
    package let path: String
    /// What could not be done, and the system's reason.
    package let message: String
    /// The system's number of the error; nil where a library hides it.
    package let number: Int32?

    /// An error of the last call of the C library.
    /// - Parameter action: What could not be done: "open", "rename to y".
    package init(_ action: String, path: String, number: Int32 = errno) {
        self.path = path
        self.number = number
        message = "cannot \(action): \(String(cString: strerror(number)))"
    }

    /// The error of a call of Foundation's.
    package init(_ action: String, path: String, _ error: any Error) {
        self.path = path
        number = nil
        message = "cannot \(action): \(error.localizedDescription)"
    }

    package var description: String { "\(path): \(message)" }
}
