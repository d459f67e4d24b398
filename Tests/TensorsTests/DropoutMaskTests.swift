//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
import Tensors
import Testing

@Suite("Dropout by counter")
struct DropoutMaskTests {
    private static let mask = DropoutMask(
        probability: 0.3, stream: RandomStream(seed: 5, purpose: .inputDropout, phase: 1, index: 9), step: 77)

    private static func factor(token: Int, element: Int, example: UInt32) -> Float {
        let block = mask.stream.block(SIMD4(UInt32(element / 4), UInt32(token), example, mask.step))
        return RandomStream.unitFloat(block[element % 4]) < mask.probability ? 0 : 1 / (1 - mask.probability)
    }

    @Test("every element is drawn from its own place in the stream", arguments: sizesWithTails)
    func draws(columns: Int) {
        let x = uniform(5, columns, seed: 41)
        let y = strided(x, gap: 3)
        Self.mask.apply(strided(x, gap: 2), into: y, firstToken: 3, example: 1234)
        for row in 0..<5 {
            for column in 0..<columns {
                let factor = Self.factor(token: 3 + row, element: column, example: 1234)
                #expect(y[row, column] == x[row, column] * factor)
            }
        }
    }

    @Test("rows drawn one by one and in place are those drawn together")
    func pieces() {
        let x = uniform(6, 50, seed: 42)
        let together = Matrix(rows: 6, columns: 50)
        Self.mask.apply(x, into: together, firstToken: 0, example: 8)
        for row in 0..<6 {
            let alone = x.rows(row..<row + 1)
            Self.mask.apply(alone, into: alone, firstToken: row, example: 8)
        }
        #expect(x.values == together.values)
    }

    @Test("about as many are dropped as asked for")
    func frequency() {
        let x = Matrix(rows: 100, columns: 200)
        x.fill(1)
        Self.mask.apply(x, into: x, firstToken: 0, example: 0)
        let dropped = x.values.count { $0 == 0 }
        // Five standard deviations: √(20000·0.3·0.7) = 65.
        #expect(abs(dropped - 6000) < 325)
    }
}
