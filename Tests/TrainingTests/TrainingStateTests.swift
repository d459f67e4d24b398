//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Testing
import Training

struct TrainingStateTests {
    private static let state = TrainingState(
        phase: .fineTune, step: 1_234_567, parameters: [1.5, -0.0, .leastNonzeroMagnitude],
        firstMoment: [.greatestFiniteMagnitude, 0, -3], secondMoment: [0, 1, 2])

    @Test("a state comes back from its bytes, to the sign of a zero")
    func roundTrip() throws {
        let again = try TrainingState(bytes: Self.state.bytes)
        #expect(again == Self.state)
        #expect(again.digest == Self.state.digest)
        #expect(again.parameters[1].sign == .minus)
        #expect(Self.state.bytes.count == 24 + 3 * 3 * 4)
        let empty = TrainingState(phase: .probe, initial: [])
        #expect(try TrainingState(bytes: empty.bytes) == empty)
    }

    @Test("the digest is one of phase, step, parameters and both moments")
    func digest() {
        var others: Set<Digest> = [Self.state.digest]
        for change: (inout TrainingState) -> Void in [
            { $0.phase = .probe }, { $0.step += 1 }, { $0.parameters[0] = 2 }, { $0.parameters[1] = 0 },
            { $0.firstMoment[2] = 3 }, { $0.secondMoment[0].negate() },
        ] {
            var state = Self.state
            change(&state)
            others.insert(state.digest)
        }
        #expect(others.count == 7)
    }

    @Test("bytes that are no state are refused")
    func refusals() {
        let good = Self.state.bytes
        func changed(_ place: Int, _ byte: UInt8) -> [UInt8] {
            var bytes = good
            bytes[place] = byte
            return bytes
        }
        let bad: [(bytes: [UInt8], part: String)] = [
            ([], "at least 24"), (Array(good.prefix(23)), "at least 24"), (changed(0, 0), "phase 0 is unknown"),
            (changed(0, 3), "phase 3 is unknown"), (changed(7, 1), "is unknown"), (changed(15, 0xFF), "says step"),
            (Array(good.dropLast()), "another length"), (good + [0], "another length"),
            (changed(16, 4), "another length"), (changed(23, 0x0F), "another length"),
            (changed(23, 0xFF), "another length"),
            // The first float becomes an infinity, the last a NaN.
            (Array(good.prefix(24)) + [0, 0, 0x80, 0x7F] + good.dropFirst(28), "not finite"),
            (Array(good.dropLast(4)) + [1, 0, 0x80, 0xFF], "not finite"),
        ]
        for (bytes, part) in bad {
            let refused = refusal { _ = try TrainingState(bytes: bytes) }
            #expect(refused?.code == .wrongState)
            #expect(refused?.message.contains(part) == true, "\(refused?.message ?? "taken"), expected \(part)")
        }
    }
}
