//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Texts of groups that several threads make.
///
/// `@unchecked Sendable`: the array is behind `lock`.
final class GeneratedGroups: @unchecked Sendable {
    private let lock = NSLock()
    private var groups: [[[Int32]]]

    init(count: Int) {
        groups = [[[Int32]]](repeating: [], count: count)
    }

    func set(_ group: Int, _ texts: [[Int32]]) {
        lock.withLock { groups[group] = texts }
    }

    /// All texts in the order of the groups.
    var joined: [[Int32]] { lock.withLock { Array(groups.joined()) } }
}
