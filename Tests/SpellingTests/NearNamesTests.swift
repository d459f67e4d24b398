//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Spelling
import Testing

@Suite("Near names")
struct NearNamesTests {
    @Test("near names are the ones with the fewest edits, ties in their own order")
    func nearest() {
        #expect(NearNames.of("qurey", among: ["key", "query", "value"], count: 1) == ["query"])
        #expect(NearNames.of("x", among: [String]()).isEmpty)
        #expect(NearNames.of("ab", among: ["b", "a", "ab"], count: 3) == ["ab", "b", "a"])
    }

    @Test("an edit is a byte inserted, deleted or replaced")
    func distance() {
        for (first, second, edits) in [
            ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2),
            ("same", "same", 0), ("ä", "a", 2),
        ] {
            #expect(NearNames.editDistance(first, second) == edits, "\(first) \(second)")
        }
    }
}
