//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

@Suite("Fields out of their range are refused: what only bytes can say")
struct BytesValidationTests {
    @Test(
        "enum values that nobody has defined",
        arguments: [
            (FrameKind.refusal, 1, "code"), (.failure, 1, "code"), (.farewell, 1, "reason"), (.phaseStart, 1, "phase"),
            (.shardAssignment, 2, "kind"), (.stepReport, 2, "kind"),
        ])
    func enums(kind: FrameKind, number: UInt8, field: String) {
        // 0, 99, and -1 as protobuf writes it.
        for value: [UInt8] in [[0], [99], [UInt8](repeating: 0xFF, count: 9) + [1]] {
            expectRefused(field) {
                try ControlMessage(decoding: Frame(kind: kind, header: [number << 3] + value))
            }
        }
    }

    @Test("a log level and an adapter owner that nobody has defined")
    func nestedEnums() {
        expectRefused("level") {
            try ControlMessage(decoding: Frame(kind: .logBatch, header: [0x0A, 2, 0x10, 9]))
        }
        expectRefused("adapter_owner") {
            try ControlMessage(decoding: Frame(kind: .phaseStart, header: [0x08, 1, 0x22, 1, 3]))
        }
    }

    @Test("text that is not UTF-8")
    func encoding() {
        expectRefused("message") {
            try ControlMessage(decoding: Frame(kind: .refusal, header: [0x08, 1, 0x12, 2, 0xC3, 0x28]))
        }
    }

    @Test("64-bit numbers that no Int holds")
    func largeNumbers() throws {
        let beat: [UInt8] = [0x08, 1, 0x10] + [UInt8](repeating: 0xFF, count: 9) + [1]
        expectRefused("monotonic_ns") { try ControlMessage(decoding: Frame(kind: .heartbeat, header: beat)) }
    }

    @Test("durations and logits that do not match their counts")
    func counts() throws {
        expectRefused("shard_durations_ns") {
            try ControlMessage(
                decoding: Frame(kind: .stepReport, header: [0x08, 1, 0x10, 1, 0x42, 2, 0, 1, 0x4A, 1, 9]))
        }
        let frame = ControlMessage.predictionReport(
            try PredictionReport(
                generation: 1, workID: 0, shardIndex: 0, exampleIDs: [7], labelCount: 2, logits: [1, -2])
        ).frame
        expectRefused("logits") {
            try ControlMessage(decoding: Frame(kind: frame.kind, header: frame.header, raw: frame.raw + [0]))
        }
        expectRefused("logits") {
            try ControlMessage(decoding: Frame(kind: frame.kind, header: frame.header, raw: frame.raw.dropLast(4)))
        }
    }

    @Test("texts whose tokens are not as many as they say")
    func textTokens() throws {
        let frame = ControlMessage.textReport(
            try TextReport(generation: 1, workID: 0, shardIndex: 0, exampleIDs: [7, 8], texts: [[1], [2, 3]])
        ).frame
        #expect(frame.raw == [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])
        for raw in [frame.raw + [0], frame.raw + [0, 0, 0, 0], frame.raw.dropLast(4)] {
            expectRefused("token_counts") {
                try ControlMessage(decoding: Frame(kind: frame.kind, header: frame.header, raw: Array(raw)))
            }
        }
        expectRefused("tokens") {
            try ControlMessage(
                decoding: Frame(kind: frame.kind, header: frame.header, raw: frame.raw.dropLast() + [0x80]))
        }
    }

    @Test("a frame of another kind, and raw bytes where none belong")
    func kinds() throws {
        let frame = Frame(kind: .halt, header: [0x08, 1], raw: [0])
        #expect(throws: WireError.self) { try ControlMessage(decoding: frame) }
        #expect(throws: WireError.self) { try LinkHello(decoding: Frame(kind: .halt, header: [0x08, 1])) }
        #expect(throws: WireError.self) { try ControlMessage(decoding: Frame(kind: .linkHello, header: [])) }
        #expect(throws: WireError.self) { try ControlMessage(decoding: Frame(kind: .halt, header: [0x08])) }
    }
}
