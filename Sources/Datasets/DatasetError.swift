//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is wrong with a data file, or with how it was described.
package struct DatasetError: Error, Hashable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// The file cannot be read: missing, a folder, no permission.
        case unreadable
        /// The file, a record or its number of fields is above a limit of `DataLimits`.
        case tooLarge
        /// The file has no row.
        case empty
        /// A byte sequence that is not UTF-8.
        case encoding
        /// An empty line with rows after it.
        case blankLine
        /// A quote that is not closed, or text after a closing quote.
        case quoting
        /// A line of a JSONL file that is not one JSON object.
        case json
        /// A row with too few or too many fields, or without a key.
        case fields
        /// A column that the file does not have, or a format that cannot be told.
        case description
        /// A label that is empty, unknown, of the wrong kind, or a list of labels that cannot be one.
        case label
        /// A score that is not a finite number.
        case score
    }

    package let code: Code
    /// The file, as the user named it.
    package let source: String
    /// The line the record starts at, from 1; nil where the whole file is meant.
    package let line: Int?
    /// What was expected, what was found and what to do.
    package let message: String

    package init(_ code: Code, source: String, line: Int? = nil, _ message: String) {
        self.code = code
        self.source = source
        self.line = line
        self.message = message
    }

    package var description: String {
        if let line {
            "\(source):\(line): \(message)"
        } else {
            "\(source): \(message)"
        }
    }
}
