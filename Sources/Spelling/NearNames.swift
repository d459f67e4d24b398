//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Names that a user may have meant.
package enum NearNames {
    /// The `count` of `candidates` with the least edit distance to `name`, nearest first; ties in their own order.
    package static func of(_ name: String, among candidates: some Sequence<String>, count: Int = 3) -> [String] {
        let distances = candidates.prefix(20_000).map { ($0, editDistance(name, $0)) }
        return distances.enumerated()
            .sorted { ($0.element.1, $0.offset) < ($1.element.1, $1.offset) }
            .prefix(count)
            .map(\.element.0)
    }

    /// The least number of inserted, deleted and replaced bytes of UTF-8 that make one text of the other (Wagner and
    /// Fischer 1974).
    package static func editDistance(_ first: String, _ second: String) -> Int {
        let second = Array(second.utf8)
        var row = Array(0...second.count)
        for (i, left) in first.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in second.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
