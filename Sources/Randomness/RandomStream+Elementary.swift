//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

// The C library's functions, named here once: their bits are part of the numeric probe that workers compare.
extension RandomStream {
    static func logarithm(_ x: Double) -> Double { log(x) }
    static func cosine(_ x: Double) -> Double { cos(x) }
    static func sine(_ x: Double) -> Double { sin(x) }
}
