//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Collectives
import Foundation
import SecureTransport
import Testing
import Wire

/// A worker whose certificate is right and whose sums are not.
@Suite("Chunks that no worker sends")
struct HostileChunkTests {
    /// What worker 0 makes of `bytes`, which worker 1 sends where the sums of an exchange of `count` elements are due.
    private func outcome(of bytes: [UInt8], count: Int) throws -> Result<[Int64], any Error> {
        let ring = try LoopbackRing(worldSize: 2)
        let box = ResultBox()
        Thread.detachNewThread {
            box.put(
                Result {
                    let links = try ring.formation(0).form(ring.roster, cancellation: ring.cancellations[0])
                    var sum = [Int64](repeating: 1, count: count)
                    let plan = AllReducePlan(algorithm: .broadcast, worldSize: 2, elementCount: count)
                    try AllReducer(links: links).allReduce(&sum, plan: plan, deadline: .now + .seconds(60))
                    return sum
                })
        }
        let deadline = Deadline.after(.seconds(60))
        let connection = try TLSConnection(
            StreamSocket.connect(to: ring.listeners[0].localEndpoint, until: deadline), side: .client,
            context: ring.contexts[1], expecting: .any(.worker, ofRun: ring.run), handshakeDeadline: deadline)
        defer { connection.close() }
        var poller = Poller()
        while try connection.progressHandshake() == .waiting {
            _ = try poller.wait(for: connection.interest, of: connection.descriptor, until: deadline)
        }
        let hello = try LinkHello(runID: ring.run, coordinatorIncarnation: 1, generation: 1, fromWorker: 1, toWorker: 0)
        try send(hello.encode(), over: connection)
        // Chunks before the other one's hello would be refused as such.
        var decoder = FrameDecoder(limits: .dataLink)
        var input = [UInt8](repeating: 0, count: 4096)
        while try decoder.next() == nil {
            switch try input.withUnsafeMutableBytes({ try connection.read(into: $0) }) {
            case .bytes(let count): try decoder.append(Array(input[..<count]))
            case .wouldBlock: _ = try poller.wait(for: .readable, of: connection.descriptor, until: deadline)
            case .closed: throw TransportError(.connectionLost, "worker 0 said no hello")
            }
        }
        try send(bytes, over: connection)
        return try #require(box.wait(seconds: 120), "worker 0 is still waiting")
    }

    /// Bytes that fit into the socket's buffers.
    private func send(_ bytes: [UInt8], over connection: TLSConnection) throws {
        guard case .bytes(bytes.count) = try bytes.withUnsafeBytes({ try connection.write($0) }) else {
            throw TransportError(.timedOut, "\(bytes.count) bytes did not fit")
        }
    }

    private func frame(_ packed: [UInt8], count: Int, offset: Int = 0, exchange: UInt64 = 1) throws -> [UInt8] {
        try ChunkHeader(generation: 1, exchange: exchange, offset: offset, elementCount: count)
            .encodeWithPrefix(packedByteCount: packed.count) + packed
    }

    /// Blocks of `count` elements that are all 5, in as many bits as are told.
    private func fives(_ count: Int, width: UInt8 = 4) -> [UInt8] {
        var bytes = PackedIntegers.packed([Int64](repeating: 5, count: count))
        bytes[0] = width
        return bytes
    }

    @Test("the right ones are added")
    func right() throws {
        let sum = try outcome(of: frame(fives(300), count: 300), count: 300).get()
        #expect(sum == [Int64](repeating: 6, count: 300))
    }

    /// What is wrong, and what the error says of it.
    private static let wrongs = [
        "no width": "found 0", "too wide": "found 65", "ends within a block": "ends within a block",
        "ends between blocks": "ends within a block", "ends behind its elements": "3 bytes before its frame",
        "another place": "expected 0..<300", "another length": "expected 0..<300", "another exchange": "exchange 2",
        "another kind": "linkHello", "a short header": "found 31", "a field that is not zero": "ChunkHeader.zero",
        "too many bytes": "ChunkHeader.element_count", "no frame": "starts with",
    ]

    @Test("others are refused with the reason and the name of who sent them", arguments: wrongs)
    func wrong(what: String, reason: String) throws {
        let right = fives(300)
        var bytes =
            switch what {
            case "no width": try frame(fives(300, width: 0), count: 300)
            case "too wide": try frame(fives(300, width: 65), count: 300)
            case "ends within a block": try frame(Array(right.dropLast(7)), count: 300)
            case "ends between blocks": try frame(Array(right.prefix(1 + 4 * 32)), count: 300)
            case "ends behind its elements": try frame(right + [1, 2, 3], count: 300)
            case "another place": try frame(right, count: 300, offset: 1)
            case "another length": try frame(fives(299), count: 299)
            case "another exchange": try frame(right, count: 300, exchange: 2)
            case "another kind":
                try LinkHello(runID: "ring", coordinatorIncarnation: 1, generation: 1, fromWorker: 1, toWorker: 0)
                    .encode() + [UInt8](repeating: 0, count: 100)
            case "too many bytes": try frame(right + [UInt8](repeating: 0, count: 3000), count: 300)
            case "no frame": [UInt8](repeating: 0x55, count: 1000)
            default: try frame(right, count: 300)
            }
        if what == "a short header" { bytes[8] = 31 }
        if what == "a field that is not zero" { bytes[FramePrefix.byteCount + 4] = 5 }
        #expect("\(what) is refused") {
            _ = try outcome(of: bytes, count: 300).get()
        } throws: { error in
            (error as? CollectiveError)?.code == .unexpectedData && "\(error)".contains("w1")
                && "\(error)".contains(reason)
        }
    }

    @Test("a sum that does not fit 64 bits is refused")
    func overflow() throws {
        // Worker 0 adds 1 to it.
        let bytes = try frame(PackedIntegers.packed([Int64](repeating: .max, count: 300)), count: 300)
        let error = #expect(throws: CollectiveError.self) { try outcome(of: bytes, count: 300).get() }
        #expect(error?.code == .unexpectedData && error?.peers == [1])
    }
}

/// What a thread gave; read and written under `condition`, hence `@unchecked Sendable`.
private final class ResultBox: @unchecked Sendable {
    private let condition = NSCondition()
    private var value: Result<[Int64], any Error>?

    func put(_ result: Result<[Int64], any Error>) {
        condition.withLock {
            value = result
            condition.signal()
        }
    }

    func wait(seconds: Double) -> Result<[Int64], any Error>? {
        let limit = Date().addingTimeInterval(seconds)
        return condition.withLock {
            while value == nil, condition.wait(until: limit) {}
            return value
        }
    }
}
