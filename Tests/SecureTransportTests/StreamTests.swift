//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Synchronization
import Testing

/// Bytes over an open connection: how they flow and how they end.
@Suite struct StreamTests {
    private func open(bufferSize: Int32? = nil, recordsPerKey: Int = 1 << 22) throws -> Loopback {
        let run = try TestAuthority()
        let pair = try Loopback(
            client: run.credentials(.worker, "w1"), expecting: .exactly(run.identity(.worker, "w2")),
            server: run.credentials(.worker, "w2"), expecting: .exactly(run.identity(.worker, "w1")),
            bufferSize: bufferSize, recordsPerKey: recordsPerKey)
        let outcome = try pair.shakeHands()
        #expect(outcome.client == nil && outcome.server == nil)
        return pair
    }

    /// Bytes that no shift or swap leaves alike.
    private static func pattern(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    /// One end of a transfer in both directions at the same time.
    private struct FullDuplex {
        let connection: TLSConnection
        let outgoing: [UInt8]
        let expectedCount: Int
        var written = 0
        var received: [UInt8] = []
        private var scratch: [UInt8]

        init(_ connection: TLSConnection, outgoing: [UInt8], expectedCount: Int, pieceSize: Int) {
            self.connection = connection
            self.outgoing = outgoing
            self.expectedCount = expectedCount
            scratch = [UInt8](repeating: 0, count: pieceSize)
            received.reserveCapacity(expectedCount)
        }

        var isDone: Bool { written == outgoing.count && received.count == expectedCount }

        var interest: Interest {
            (received.count < expectedCount ? connection.readInterest : [])
                .union(written < outgoing.count ? connection.writeInterest : [])
        }

        mutating func progress() throws {
            while written < outgoing.count {
                // Through a fresh copy each time: the bytes of a repeated write may have moved.
                let piece = Array(outgoing[written..<min(written + scratch.count, outgoing.count)])
                guard case .bytes(let count) = try piece.withUnsafeBytes({ try connection.write($0) }) else { break }
                written += count
            }
            while received.count < expectedCount {
                let outcome = try scratch.withUnsafeMutableBytes { try connection.read(into: $0) }
                guard case .bytes(let count) = outcome else { break }
                received += scratch[..<count]
            }
        }
    }

    @Test(
        "Both directions carry megabytes at once through tiny socket buffers", arguments: [1 << 10, 100_000, 1 << 20])
    func bothDirections(pieceSize: Int) throws {
        try exchange(over: open(bufferSize: 16 << 10), pieceSize: pieceSize)
    }

    @Test("New keys amid full buffers in both directions lose nothing and block nobody", arguments: [1 << 10, 1 << 20])
    func keyUpdates(pieceSize: Int) throws {
        let pair = try open(bufferSize: 16 << 10, recordsPerKey: 1)
        try exchange(over: pair, pieceSize: pieceSize)
        #expect(pair.client.keyUpdateCount > 10 && pair.server.keyUpdateCount > 10)
    }

    /// Sends hundreds of kilobytes each way at once, from one thread, and compares.
    private func exchange(over pair: Loopback, pieceSize: Int) throws {
        let toServer = StreamTests.pattern(300_001, seed: 1)
        let toClient = StreamTests.pattern(250_003, seed: 2)
        var client = FullDuplex(pair.client, outgoing: toServer, expectedCount: toClient.count, pieceSize: pieceSize)
        var server = FullDuplex(pair.server, outgoing: toClient, expectedCount: toServer.count, pieceSize: pieceSize)
        var poller = Poller()
        let deadline = Deadline.after(.seconds(120))
        while !(client.isDone && server.isDone) {
            try #require(!deadline.hasPassed, "\(client.written) and \(server.written) bytes went through")
            try client.progress()
            try server.progress()
            let interests = [pair.client.descriptor: client.interest, pair.server.descriptor: server.interest]
            if !(client.isDone && server.isDone) { _ = try poller.wait(for: interests, until: deadline) }
        }
        #expect(server.received == toServer)
        #expect(client.received == toClient)
    }

    @Test("Two threads, one an end, move megabytes both ways")
    func twoThreads() throws {
        let pair = try open()
        let toServer = StreamTests.pattern(8_000_000, seed: 3)
        let toClient = StreamTests.pattern(8_000_000, seed: 4)
        let results = Mutex<[String: Bool]>([:])
        let finished = DispatchSemaphore(value: 0)
        for (name, connection, outgoing, expected) in [
            ("client", pair.client, toServer, toClient), ("server", pair.server, toClient, toServer),
        ] {
            Thread.detachNewThread {
                var end = FullDuplex(
                    connection, outgoing: outgoing, expectedCount: expected.count, pieceSize: 256 << 10)
                var poller = Poller()
                let deadline = Deadline.after(.seconds(60))
                do {
                    while !end.isDone && !deadline.hasPassed {
                        try end.progress()
                        if !end.isDone {
                            _ = try poller.wait(for: end.interest, of: connection.descriptor, until: deadline)
                        }
                    }
                    let isEqual = end.received == expected
                    results.withLock { $0[name] = isEqual }
                } catch {
                    Issue.record("\(name): \(error)")
                }
                finished.signal()
            }
        }
        finished.wait()
        finished.wait()
        #expect(results.withLock { $0 } == ["client": true, "server": true])
    }

    @Test("A stream without a farewell is truncated; what came before is delivered first")
    func truncated() throws {
        let pair = try open()
        try pair.server.writeWaiting(Array("half a mess".utf8))
        pair.server.abandon()
        #expect(try pair.client.readWaiting() == Array("half a mess".utf8))
        for _ in 0..<2 {
            let error = #expect(throws: TransportError.self) { try pair.client.readWaiting() }
            #expect(error?.code == .truncated)
            #expect(error?.message.contains("worker \"w2\" of run \"cola-1\" at 127.0.0.1:") == true)
        }
    }

    @Test("After its farewell an end still reads")
    func halfClosed() throws {
        let pair = try open()
        #expect(try pair.client.finishWriting() == .closed)
        #expect(try pair.server.readWaiting() == nil)
        try pair.server.writeWaiting(Array("the last word".utf8))
        pair.server.close()
        #expect(try pair.client.readWaiting() == Array("the last word".utf8))
        #expect(try pair.client.readWaiting() == nil)
    }

    @Test("What a peer said before it went is read even when our write finds it gone")
    func writeToOneWhoLeft() throws {
        let pair = try open()
        try pair.server.writeWaiting(Array("I leave because of the weather".utf8))
        pair.server.close()
        // The first write may still find room; the kernel learns of the closed socket by the answer.
        let bytes = [UInt8](repeating: 1, count: 256 << 10)
        var said: [UInt8] = []
        let error = #expect(throws: TransportError.self) {
            for _ in 0..<1000 {
                _ = try bytes.withUnsafeBytes { try pair.client.write($0) }
                if pair.client.writeInterest == .readable, let more = try pair.client.readWaiting() { said += more }
            }
        }
        #expect(said == Array("I leave because of the weather".utf8))
        #expect(error?.code == .connectionLost, "\(String(describing: error))")
    }

    @Test("An end that was closed says so, and may be closed again")
    func closedHere() throws {
        let pair = try open()
        pair.client.close()
        pair.client.close()
        #expect(pair.client.interest == [])
        let error = #expect(throws: TransportError.self) { try pair.client.readWaiting() }
        #expect(error?.code == .connectionLost)
        #expect(error?.message.contains("on this side") == true)
    }

    @Test("A read that fills the buffer says that more may wait inside")
    func bufferedInput() throws {
        let pair = try open()
        try pair.server.writeWaiting([UInt8](repeating: 9, count: 1000))
        #expect(try pair.client.readWaiting(upTo: 600)?.count == 600)
        #expect(pair.client.mayHaveBufferedInput)
        #expect(try pair.client.readWaiting(upTo: 600)?.count == 400)
        #expect(!pair.client.mayHaveBufferedInput)
    }
}
