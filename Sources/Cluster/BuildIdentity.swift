//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which build of the program this is; every process of a run must be of the same one.
package enum BuildIdentity {
    /// The version that `loradrop --version` prints.
    package static let version = "0.1.0"

    /// What workers and coordinator compare.
    ///
    /// Versions may differ in bits, so they are compared as a whole.
    package static var current: String { "loradrop \(version)" }
}
