//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

@Suite("A stream becomes frames")
struct FrameDecoderTests {
    static let anyDirection: [FrameLimits] = [.joining, .fromWorker, .fromCoordinator]

    /// One message of every kind that a worker sends, as one stream.
    func stream(seed: UInt64) throws -> (messages: [ControlMessage], bytes: [UInt8]) {
        var random = RandomMessages(seed: seed)
        var messages: [ControlMessage] = []
        for kind in FrameKind.allCases where FrameLimits.fromWorker[kind] != nil {
            messages.append(try random.message(kind))
        }
        messages.shuffle(using: &random.generator)
        return (messages, messages.flatMap { $0.encode() })
    }

    @Test("fed byte by byte")
    func byteByByte() throws {
        let (messages, bytes) = try stream(seed: 5)
        var decoder = FrameDecoder(limits: .fromWorker)
        var found: [ControlMessage] = []
        for byte in bytes {
            try decoder.append([byte])
            while let frame = try decoder.next() {
                found.append(try ControlMessage(decoding: frame))
            }
        }
        #expect(found == messages)
        #expect(decoder.waitingByteCount == 0)
    }

    @Test("fed in random cuts", arguments: 0..<50)
    func randomCuts(seed: Int) throws {
        var (messages, bytes) = try stream(seed: UInt64(seed))
        var random = RandomMessages(seed: UInt64(seed) + 1000)
        var decoder = FrameDecoder(limits: .fromWorker)
        var found: [ControlMessage] = []
        while !bytes.isEmpty {
            let count = min(bytes.count, random.integer(1...5000))
            try decoder.append(Array(bytes.prefix(count)))
            bytes.removeFirst(count)
            while let frame = try decoder.next() {
                found.append(try ControlMessage(decoding: frame))
            }
        }
        #expect(found == messages)
    }

    func prefix(kind: UInt16, header: UInt32, raw: UInt64) -> [UInt8] {
        var bytes: [UInt8] = Array("LDRP".utf8) + [1, 0]
        bytes += [UInt8(truncatingIfNeeded: kind), UInt8(truncatingIfNeeded: kind >> 8)]
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: header >> (8 * UInt32($0))) }
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: raw >> (8 * UInt64($0))) }
        return bytes
    }

    func code(of bytes: [UInt8], limits: FrameLimits = .fromWorker) -> WireError.Code? {
        var decoder = FrameDecoder(limits: limits)
        do throws(WireError) {
            try decoder.append(bytes)
            _ = try decoder.next()
            return nil
        } catch {
            // A lost stream stays lost.
            #expect(throws: error) { try decoder.next() }
            #expect(throws: error) { try decoder.append([0]) }
            return error.code
        }
    }

    @Test("a frame of 4 GiB is refused when its prefix is there, and so is a longer one")
    func oversized() {
        #expect(code(of: prefix(kind: 22, header: 40, raw: 1 << 32)) == .oversized)
        #expect(code(of: prefix(kind: 22, header: 40, raw: UInt64.max)) == .oversized)
        #expect(code(of: prefix(kind: 22, header: UInt32.max, raw: 0)) == .oversized)
        #expect(code(of: prefix(kind: 22, header: 40, raw: 1 << 29)) == nil)
    }

    @Test("every kind is refused one byte above its limit, header and raw", arguments: FrameKind.allCases)
    func limits(kind: FrameKind) throws {
        let links = [
            FrameLimits.joining, .fromWorker, .fromCoordinator, .dataLink, .fromModelReader, .fromModelServer,
        ]
        let limits = try #require(links.first { $0[kind] != nil })
        let limit = try #require(limits[kind])
        let header = UInt32(limit.headerByteCount)
        let raw = UInt64(limit.rawByteCount)
        #expect(code(of: prefix(kind: kind.rawValue, header: header, raw: raw), limits: limits) == nil)
        #expect(code(of: prefix(kind: kind.rawValue, header: header + 1, raw: raw), limits: limits) == .oversized)
        #expect(code(of: prefix(kind: kind.rawValue, header: header, raw: raw + 1), limits: limits) == .oversized)
    }

    @Test("a run can lower a limit")
    func loweredLimit() {
        var limits = FrameLimits.fromWorker
        limits.lowerRawLimit(of: .snapshot, to: 1000)
        #expect(code(of: prefix(kind: 22, header: 40, raw: 1000), limits: limits) == nil)
        #expect(code(of: prefix(kind: 22, header: 40, raw: 1001), limits: limits) == .oversized)
    }

    @Test("before it said what it is for, a connection may send nothing but a hello or the request of a model")
    func joining() {
        for kind in FrameKind.allCases {
            let code = code(of: prefix(kind: kind.rawValue, header: 0, raw: 0), limits: .joining)
            #expect(code == ([.hello, .modelRequest].contains(kind) ? nil : .unexpectedKind))
        }
    }

    @Test("each side refuses what only the other sends")
    func directions() {
        #expect(code(of: prefix(kind: FrameKind.welcome.rawValue, header: 0, raw: 0)) == .unexpectedKind)
        #expect(code(of: prefix(kind: FrameKind.chunk.rawValue, header: 0, raw: 0)) == .unexpectedKind)
        let stepReport = prefix(kind: FrameKind.stepReport.rawValue, header: 0, raw: 0)
        #expect(code(of: stepReport, limits: .fromCoordinator) == .unexpectedKind)
        #expect(code(of: stepReport, limits: .dataLink) == .unexpectedKind)
    }

    @Test("other magics, versions and kinds are refused")
    func foreign() {
        var bytes = prefix(kind: 22, header: 40, raw: 0)
        bytes[0] = 0x47
        #expect(code(of: bytes) == .badMagic)
        bytes = prefix(kind: 22, header: 40, raw: 0)
        bytes[4] = 2
        #expect(code(of: bytes) == .badVersion)
        #expect(code(of: prefix(kind: 0, header: 0, raw: 0)) == .unknownKind)
        #expect(code(of: prefix(kind: 65535, header: 0, raw: 0)) == .unknownKind)
        #expect(code(of: Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) == .badMagic)
    }

    @Test("bytes that nobody takes are refused before they fill the memory")
    func untakenBytes() throws {
        var decoder = FrameDecoder(limits: .fromWorker)
        let piece = [UInt8](repeating: 0, count: 1 << 18)
        #expect(throws: WireError.self) {
            for _ in 0..<100 {
                try decoder.append(piece)
            }
        }
        #expect(decoder.waitingByteCount == 0)
    }
}
