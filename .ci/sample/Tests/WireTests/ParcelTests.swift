//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

@Test("A parcel keeps its weight")
func aParcelKeepsItsWeight() {
    #expect(Parcel(weight: 3).weight == 3)
}
