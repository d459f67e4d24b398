//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Where a run's words for people go.
///
/// Libraries print nothing by themselves.
package protocol Console: AnyObject, Sendable {
    /// A line that stays.
    func line(_ text: String)
    /// A line that the next one replaces, on a terminal; elsewhere it is not shown.
    func progress(_ text: String)
    /// Whether progress is shown in one line that is replaced.
    var isTerminal: Bool { get }
}
