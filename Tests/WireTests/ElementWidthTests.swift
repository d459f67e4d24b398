//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

@Suite("Integers in as few bytes as hold them")
struct ElementWidthTests {
    private func width(_ elements: [Int64]) -> Int {
        elements.withUnsafeBufferPointer { ElementWidth(holding: $0).byteCount }
    }

    @Test("the least width that holds the greatest and the least of its size", arguments: 1...8)
    func least(byteCount: Int) {
        let greatest = Int64.max >> (64 - 8 * byteCount)
        #expect(width([greatest]) == byteCount)
        #expect(width([0, -greatest - 1, 3]) == byteCount)
        if byteCount < 8 {
            #expect(width([greatest + 1]) == byteCount + 1)
            #expect(width([-greatest - 2]) == byteCount + 1)
        }
    }

    @Test("nothing and zeros take one byte")
    func zeros() {
        #expect(width([]) == 1)
        #expect(width([0, 0, -1]) == 1)
    }

    @Test("what is packed comes back, and nothing beyond the slack is touched", arguments: 1...8)
    func roundTrip(byteCount: Int) {
        var random = RandomMessages(seed: UInt64(byteCount))
        let width = ElementWidth(byteCount: byteCount)
        for count in [0, 1, 2, 7, 8, 9, 100, 3276] {
            let elements = (0..<count).map { index in
                // The extremes, then anything.
                let raw = index == 0 ? Int64.min : index == 1 ? .max : Int64(bitPattern: random.counter())
                return raw >> (64 - 8 * byteCount)
            }
            let packed = count * byteCount
            var bytes = [UInt8](repeating: 0xA5, count: packed + ElementWidth.slackByteCount + 1)
            var back = [Int64](repeating: 7, count: count)
            bytes.withUnsafeMutableBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                elements.withUnsafeBufferPointer { width.pack($0, into: start) }
                // Whatever follows must not matter.
                for place in packed..<bytes.count - 1 { bytes[place] = 0xFF }
                back.withUnsafeMutableBufferPointer { width.unpack(start, into: $0) }
            }
            #expect(back == elements)
            #expect(bytes.last == 0xA5)
        }
    }
}
