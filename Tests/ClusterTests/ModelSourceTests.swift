//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Digests
import Files
import Foundation
import ModelFiles
import SecureTransport
import Synchronization
import Testing
import Wire

/// A coordinator that serves a model badly.
private final class BadServer: Sendable {
    let endpoint: Endpoint
    let workerContext: TLSContext
    private let taken = Taken()
    private let thread: JoinableThread

    /// - Parameters:
    ///   - count: Connections that it takes.
    ///   - answer: The bytes of a piece of a connection, by the place of the piece among that connection's; nil cuts the
    ///     connection off.
    init(
        _ served: ServedModel, connections count: Int,
        answer: @escaping @Sendable (_ connection: Int, _ piece: Int, _ bytes: [UInt8]) -> [UInt8]?
    ) throws {
        let authority = try CertificateAuthority.make(run: "bad", validForHours: 24)
        func context(_ role: PeerIdentity.Role, _ name: String) throws -> TLSContext {
            try TLSContext(
                TLSCredentials(
                    authority.issue(to: PeerIdentity(role: role, name: name, run: "bad"), validForHours: 1)))
        }
        workerContext = try context(.worker, "w0")
        let context = try context(.coordinator, "coordinator")
        let listener = try Listener(on: Endpoint(host: "127.0.0.1", port: 0))
        endpoint = listener.localEndpoint
        let listing = try served.listing()
        let model = served.model
        thread = JoinableThread(name: "bad server") { [taken] in
            do {
                for number in 0..<count {
                    let peer = try Self.accept(listener, context)
                    taken.count.withLock { $0 += 1 }
                    try Self.serve(peer, listing, model) { answer(number, $0, $1) }
                }
            } catch {
                Issue.record("the bad server failed: \(error)")
            }
        }
    }

    private final class Taken: Sendable {
        let count = Mutex(0)
    }

    /// Waits for the last connection's end.
    /// - Returns: How many connections there were.
    func join() -> Int {
        thread.join()
        return taken.count.withLock { $0 }
    }

    private static func accept(_ listener: Listener, _ context: TLSContext) throws -> ControlPeer {
        let deadline = Deadline.after(ControlPeer.patience)
        var poller = Poller()
        while !deadline.hasPassed {
            guard case .accepted(let socket) = try listener.accept() else {
                _ = try poller.wait(for: .readable, of: listener.descriptor, until: deadline)
                continue
            }
            let connection = try TLSConnection(
                socket, side: .server, context: context, expecting: .any(.worker, ofRun: "bad"),
                handshakeDeadline: deadline)
            while try connection.progressHandshake() == .waiting {
                _ = try poller.wait(for: connection.interest, of: connection.descriptor, until: deadline)
            }
            return ControlPeer(connection, limits: .joining)
        }
        throw TransportError(.timedOut, "nobody called")
    }

    private static func serve(
        _ peer: ControlPeer, _ listing: ModelListing, _ model: String, answer: (Int, [UInt8]) -> [UInt8]?
    ) throws {
        guard case .modelRequest = try peer.next() else { return }
        peer.channel.accept(.fromModelReader)
        let files = try listing.files.map {
            try ModelManifest.File(name: $0.name, byteCount: $0.byteCount, digest: $0.digest.bytes)
        }
        try peer.send(.modelManifest(ModelManifest(fingerprint: listing.fingerprint.bytes, files: files)))
        var place = 0
        var unread: Int?
        do {
            while case .modelPieceRequest(let request)? = try peer.next() {
                let content = try #require(try AtomicFile.read(model + "/" + listing.files[request.file].name))
                let bytes = Array(content[request.offset..<request.offset + request.byteCount])
                let file = listing.files[request.file]
                let rest = (file.byteCount - request.offset + (1 << 20) - 1) >> 20
                unread = (unread ?? rest + (listing.files.count - 1 - request.file) * 3) - 1
                guard let answer = answer(place, bytes) else {
                    // A socket that is closed with bytes unread takes back those that it was to send.
                    while let left = unread, left > 0, try peer.next() != nil { unread = left - 1 }
                    break
                }
                place += 1
                try peer.send(.modelPiece(ModelPiece(file: request.file, offset: request.offset, bytes: answer)))
            }
        } catch is TransportError {
            // The worker has hung up, as it should on bytes like these.
        } catch let error as ClusterError where error.code == .peerClosed {
            // The same.
        }
        peer.channel.close()
    }
}

@Suite("Where a worker gets its model from")
struct ModelSourceTests {
    @Test("a transfer that is cut off again and again goes on where it was, and asks for no piece twice")
    func torn() throws {
        try ServedModel.with { served in
            let sent = Mutex<[Int]>([])
            // The connection for the listing, then one piece a connection: config.json and three of the weights.
            let server = try BadServer(served, connections: 5) { connection, piece, bytes in
                guard connection == 4 || piece < 1 else { return nil }
                sent.withLock { $0.append(bytes.count) }
                return bytes
            }
            let reports = Mutex<[String]>([])
            let source = served.source(server.endpoint, server.workerContext) { line in
                reports.withLock { $0.append(line) }
            }
            let place = try source.fetched(source.listing())
            #expect(try served.listing().isIn(place))
            #expect(server.join() == 5)
            #expect(sent.withLock { $0 } == [2, 1 << 20, 1 << 20, 3_000_001 - (2 << 20)])
            #expect(reports.withLock { $0.filter { $0.contains("cut off") }.count } == 3)
        }
    }

    @Test("wrong bytes are asked for once more, and then refused")
    func wrongBytes() throws {
        try ServedModel.with { served in
            let server = try BadServer(served, connections: 3) { _, piece, bytes in
                piece == 2 ? bytes.map { $0 ^ 1 } : bytes
            }
            let source = served.source(server.endpoint, server.workerContext)
            let listing = try source.listing()
            let error = #expect(throws: ModelFilesError.self) { try source.fetched(listing) }
            #expect(error?.code == .wrongBytes && error?.message.contains("model.safetensors") == true)
            #expect(server.join() == 3)
            #expect(!FileManager.default.fileExists(atPath: "\(served.cache)/models/\(listing.digest)"))
        }
    }

    @Test("a coordinator that never sends anything is given up")
    func fruitless() throws {
        try ServedModel.with { served in
            let server = try BadServer(served, connections: 6) { _, _, _ in nil }
            let source = served.source(server.endpoint, server.workerContext)
            let listing = try source.listing()
            let error = #expect(throws: (any Error).self) { try source.fetched(listing) }
            #expect(error is ClusterError || error is TransportError)
            #expect(server.join() == 6)
        }
    }

    @Test("a piece of another place or length ends the link")
    func otherPiece() throws {
        try ServedModel.with { served in
            let server = try BadServer(served, connections: 2) { _, piece, bytes in piece == 1 ? [1, 2, 3] : bytes }
            let source = served.source(server.endpoint, server.workerContext)
            let listing = try source.listing()
            let error = #expect(throws: ClusterError.self) { try source.fetched(listing) }
            #expect(error?.code == .unexpectedMessage)
            #expect(server.join() == 2)
        }
    }
}
