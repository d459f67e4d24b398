//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Where a value of the configuration comes from.
package enum ConfigurationOrigin: Sendable, Hashable, CustomStringConvertible {
    /// A place in the YAML file; line and column from 1.
    case file(path: String, line: Int, column: Int)
    /// A flag of the command line, as it was written.
    case flag(String)
    /// What a task of GLUE decides.
    case task(GLUETask)
    /// Nobody gave it: the option's default.
    case none

    package var description: String {
        switch self {
        case .file(let path, let line, let column): "\(path):\(line):\(column)"
        case .flag(let flag): flag
        case .task(let task): "task.name \(task.rawValue)"
        case .none: "configuration"
        }
    }
}

/// What is wrong with a configuration file or with the flags: the user's to mend, exit code 2.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// The file cannot be read.
        case unreadable
        /// The file is not YAML, or the flags are not flags.
        case syntax
        /// A key that there is none of.
        case unknownKey
        /// A key that is given twice in the file.
        case duplicateKey
        /// A value of the wrong kind or out of range.
        case value
        /// A key that has no default and is not given.
        case missing
        /// Values that do not go together.
        case conflict
    }

    package let code: Code
    package let origin: ConfigurationOrigin
    /// What was expected, what was found and what to do.
    package let message: String

    package init(_ code: Code, _ origin: ConfigurationOrigin, _ message: String) {
        self.code = code
        self.origin = origin
        self.message = message
    }

    package var description: String { "\(origin): \(message)" }
}
