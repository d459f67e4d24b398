//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is wrong with a file of the run folder, or with claiming the folder.
package struct RecordError: Error, Hashable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// What is in the file is not what this program writes there.
        case malformed
        /// Another process owns the run folder.
        case locked
        /// The run folder holds another run.
        case otherRun
        /// The run folder holds this run, and it is not to be resumed.
        case sameRun
        /// The folder has files that no run wrote, under names a run would write to.
        case foreign
    }

    package let code: Code
    package let path: String
    /// The line, from 1; nil where the whole file is meant.
    package let line: Int?
    /// What was expected, what was found and what to do.
    package let message: String

    package init(_ code: Code, path: String, line: Int? = nil, _ message: String) {
        self.code = code
        self.path = path
        self.line = line
        self.message = message
    }

    package var description: String {
        if let line {
            "\(path):\(line): \(message)"
        } else {
            "\(path): \(message)"
        }
    }
}
