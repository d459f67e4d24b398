//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

@Suite("Hostile bytes are errors, never crashes")
struct HostileBytesTests {
    /// Decodes everything; the outcome is a count, so that nothing is optimised away.
    func decode(_ bytes: [UInt8], limits: FrameLimits) -> (decoded: Int, refused: Int) {
        var decoder = FrameDecoder(limits: limits)
        var decoded = 0
        do throws(WireError) {
            try decoder.append(bytes)
            while let frame = try decoder.next() {
                if frame.kind == .linkHello {
                    _ = try LinkHello(decoding: frame)
                } else if frame.kind == .chunk {
                    _ = try ChunkHeader(validating: frame.header[...], rawByteCount: frame.raw.count)
                } else {
                    _ = try ControlMessage(decoding: frame)
                }
                decoded += 1
            }
            return (decoded, 0)
        } catch {
            return (decoded, 1)
        }
    }

    @Test("100 000 messages with flipped bits, cut or repeated pieces", arguments: RandomMessages.controlKinds)
    func mutations(kind: FrameKind) throws {
        var random = RandomMessages(seed: 77 + UInt64(kind.rawValue))
        let limits = try #require(
            [FrameLimits.joining, .fromWorker, .fromCoordinator, .fromModelReader, .fromModelServer]
                .first { $0[kind] != nil })
        var refused = 0
        let rounds = 100_000 / RandomMessages.controlKinds.count
        for round in 0..<rounds {
            var bytes = try random.message(kind).encode()
            for _ in 0..<random.integer(1...4) {
                let place = Int.random(in: 0..<bytes.count, using: &random.generator)
                switch Int.random(in: 0..<4, using: &random.generator) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random.generator)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &random.generator)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 9)], at: place)
                }
                if bytes.isEmpty {
                    bytes = [0]
                }
            }
            // Every other time the prefix is mended, so that the message's own decoder is reached.
            if round % 2 == 0, bytes.count >= FramePrefix.byteCount {
                let frame = Frame(kind: kind, header: Array(bytes.dropFirst(FramePrefix.byteCount)))
                bytes = frame.encode()
            }
            refused += decode(bytes, limits: limits).refused
        }
        #expect(refused > rounds / 10, "\(refused) of \(rounds) refused")
    }

    @Test("100 000 frames of random bytes")
    func garbage() {
        var random = RandomMessages(seed: 99)
        var outcomes = (decoded: 0, refused: 0)
        let kinds = FrameKind.allCases
        for round in 0..<100_000 {
            let kind = kinds[round % kinds.count]
            let limits = [
                FrameLimits.joining, .fromWorker, .fromCoordinator, .dataLink, .fromModelReader, .fromModelServer,
            ].first { $0[kind] != nil }
            let header = random.bytes(0...48)
            let raw = kind.limit.rawByteCount == 0 ? [] : random.bytes(0...16)
            let outcome = decode(
                Frame(kind: kind, header: header, raw: raw).encode(), limits: limits ?? .joining)
            outcomes.decoded += outcome.decoded
            outcomes.refused += outcome.refused
        }
        #expect(outcomes.refused > 90_000, "\(outcomes)")
    }

    @Test("many tiny fields cannot take much memory")
    func memoryBudget() {
        // An empty shard takes two bytes on the wire and a hundred in memory.
        let header: [UInt8] = (0..<8_000_000).map { $0 % 2 == 0 ? 0x3A : 0 }
        do throws(WireError) {
            _ = try ControlMessage(decoding: Frame(kind: .shardAssignment, header: header))
            Issue.record("decoded")
        } catch {
            #expect(error.code == .oversized)
        }
    }
}
