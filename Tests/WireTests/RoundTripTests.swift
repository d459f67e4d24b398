//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

@Suite("Messages come back as they went")
struct RoundTripTests {
    @Test("every kind of control message, 300 random ones each", arguments: RandomMessages.controlKinds)
    func roundTrip(kind: FrameKind) throws {
        var random = RandomMessages(seed: UInt64(kind.rawValue))
        for _ in 0..<300 {
            let message = try random.message(kind)
            let frame = message.frame
            #expect(frame.kind == kind)
            #expect(try ControlMessage(decoding: frame) == message)
        }
    }

    @Test("the hello of a data link")
    func linkHello() throws {
        var random = RandomMessages(seed: 1)
        for _ in 0..<300 {
            let hello = try LinkHello(
                runID: random.name(1...128), coordinatorIncarnation: random.counter(),
                generation: random.integer(1...Int(UInt32.max)),
                fromWorker: random.integer(0...511), toWorker: random.integer(512...1023))
            var decoder = FrameDecoder(limits: .dataLink)
            try decoder.append(hello.encode())
            let frame = try #require(try decoder.next())
            #expect(try LinkHello(decoding: frame) == hello)
        }
    }

    @Test("the header of a chunk")
    func chunkHeader() throws {
        var random = RandomMessages(seed: 2)
        for _ in 0..<300 {
            let header = try ChunkHeader(
                generation: random.integer(1...Int(UInt32.max)), exchange: random.counter(),
                offset: random.integer(0...(1 << 40)),
                elementCount: random.integer(1...ChunkHeader.maximumElements))
            let byteCounts = PackedIntegers.byteCounts(elementCount: header.elementCount)
            let packedByteCount = random.integer(byteCounts)
            let bytes = header.encodeWithPrefix(packedByteCount: packedByteCount)
            let prefix = try FramePrefix(validating: bytes.prefix(FramePrefix.byteCount), limits: .dataLink)
            #expect(prefix.kind == .chunk)
            #expect(prefix.rawByteCount == packedByteCount)
            let read = try ChunkHeader(
                validating: bytes.dropFirst(FramePrefix.byteCount), rawByteCount: prefix.rawByteCount)
            #expect(read == header)
        }
    }

    @Test("a frame's bytes are what the format says")
    func knownAnswer() throws {
        let bytes = ControlMessage.halt(try Halt(generation: 300)).encode()
        // Field 1, varint 300 = 0xAC 0x02.
        #expect(
            bytes == [0x4C, 0x44, 0x52, 0x50, 1, 0, 23, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0xAC, 0x02])
    }

    @Test("logits travel as little-endian floats after the header")
    func logitsAreRaw() throws {
        let report = try PredictionReport(
            generation: 1, workID: 0, shardIndex: 0, exampleIDs: [7], labelCount: 2, logits: [1, -2])
        let frame = ControlMessage.predictionReport(report).frame
        #expect(frame.raw == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    }

    @Test("fields that this version does not know are passed over")
    func unknownFields() throws {
        let frame = Frame(kind: .halt, header: [0x08, 5, 0xF8, 0x07, 1, 0xFA, 0x07, 2, 9, 9])
        #expect(try ControlMessage(decoding: frame) == .halt(Halt(generation: 5)))
    }
}
