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

/// A folder with a model's files, one of them of several pieces, and room for a cache; gone afterwards.
struct ServedModel {
    let folder: String
    var model: String { folder + "/model" }
    var cache: String { folder + "/cache" }
    let fingerprint = Digest(of: [UInt8(1)])

    static func with(byteCount: Int = 3_000_001, _ body: (ServedModel) throws -> Void) throws {
        let served = ServedModel(folder: NSTemporaryDirectory() + "/served-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: served.folder) }
        try SystemFile.createFolder(served.model)
        try AtomicFile.write("{}", to: served.model + "/config.json")
        try AtomicFile.write(
            (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) },
            to: served.model + "/model.safetensors")
        try body(served)
    }

    func listing() throws -> ModelListing {
        try ModelListing(folder: model, weights: ["model.safetensors"], fingerprint: fingerprint)
    }

    func coordinator(_ limits: ModelServer.Limits = ModelServer.Limits()) throws -> LoopbackCoordinator {
        try LoopbackCoordinator(workers: 1) { log in
            try ModelServer(
                folder: model, weights: ["model.safetensors"], fingerprint: fingerprint, build: "test", log: log,
                limits: limits)
        }
    }

    /// A worker's way to the model.
    func source(
        _ endpoint: Endpoint, _ context: TLSContext, build: String = "test",
        report: @escaping (String) -> Void = { _ in }
    ) -> ModelSource {
        ModelSource(
            folder: nil, trainsPooler: false, cacheFolder: cache, coordinator: endpoint, context: context,
            build: { build }, patience: ControlPeer.patience, report: report)
    }
}

@Suite("Model links")
struct ModelServerTests {
    @Test("a worker fetches the model, and joins by the same port")
    func fetch() throws {
        try ServedModel.with { served in
            let coordinator = try served.coordinator()
            let source = served.source(coordinator.endpoint, try coordinator.context("w0"))
            let listing = try source.listing()
            #expect(try listing == served.listing())
            let place = try source.fetched(listing)
            #expect(try listing.isIn(place))
            let worker = try coordinator.dial("w0")
            try worker.send(coordinator.hello())
            guard case .welcome = try worker.next() else {
                Issue.record("the worker that has fetched is not welcome")
                return
            }
            try coordinator.end()
            #expect(coordinator.log.lines.contains("model-fetched: w0 fetches the model"))
        }
    }

    /// A model link whose manifest has come.
    private func open(
        _ coordinator: LoopbackCoordinator, _ name: String, bufferSize: Int32? = nil
    ) throws -> ControlPeer {
        let peer = try coordinator.dial(name, bufferSize: bufferSize)
        peer.channel.accept(.fromModelServer)
        try peer.send(.modelRequest(ModelRequest(build: "test")))
        guard case .modelManifest = try peer.next() else {
            throw ClusterError(code: .unexpectedMessage, message: "no manifest")
        }
        return peer
    }

    private func piece(_ place: Int, file: Int = 1) throws -> ControlMessage {
        .modelPieceRequest(
            try ModelPieceRequest(
                file: file, offset: place * ModelPiece.maximumByteCount, byteCount: ModelPiece.maximumByteCount))
    }

    @Test("links beyond those that are served at a time wait for their turn and are told so")
    func turns() throws {
        try ServedModel.with(byteCount: 8 << 20) { served in
            var limits = ModelServer.Limits()
            limits.transfers = 1
            limits.announcement = .milliseconds(20)
            let coordinator = try served.coordinator(limits)
            // More than the sockets take: the first link is being served until it reads, which it does not yet. (One read
            // may take whatever the server sends meanwhile.)
            let first = try open(coordinator, "w0", bufferSize: 65_536)
            for place in 0..<8 {
                try first.send(piece(place))
            }
            let deadline = Deadline.after(ControlPeer.patience)
            while !coordinator.log.lines.contains("model-fetched: w0 fetches the model") {
                guard !deadline.hasPassed else {
                    Issue.record("the first link is not served")
                    return
                }
                Thread.sleep(forTimeInterval: 0.005)
            }
            let second = try open(coordinator, "w1")
            try second.send(self.piece(3))
            guard case .modelQueue(let queue) = try second.next() else {
                Issue.record("the second link is served beside the first")
                return
            }
            #expect(queue.ahead == 1)
            let bytes = try #require(try AtomicFile.read(served.model + "/model.safetensors"))
            for place in 0..<8 {
                guard case .modelPiece(let piece) = try first.next() else {
                    Issue.record("piece \(place) did not come")
                    return
                }
                #expect(piece.offset == place << 20 && piece.bytes == Array(bytes[place << 20..<(place + 1) << 20]))
            }
            var answer = try second.next()
            while case .modelQueue = answer { answer = try second.next() }
            guard case .modelPiece(let last) = answer else {
                Issue.record("the second link's turn never came")
                return
            }
            #expect(last.offset == 3 << 20)
            try coordinator.end()
        }
    }

    @Test("a link that asks for what is not there, or for too much, or for something else, costs itself alone")
    func hostile() throws {
        try ServedModel.with(byteCount: 20 << 20) { served in
            let coordinator = try served.coordinator()
            let sound = try open(coordinator, "w9")
            let beyond = [
                try ModelPieceRequest(file: 2, offset: 0, byteCount: 1),
                try ModelPieceRequest(file: 0, offset: 2, byteCount: 1),
                try ModelPieceRequest(file: 1, offset: (20 << 20) - 1, byteCount: 2),
                try ModelPieceRequest(file: 1, offset: 1 << 44, byteCount: 1 << 20),
            ]
            for (place, request) in beyond.enumerated() {
                let peer = try open(coordinator, "w\(place)")
                try peer.send(.modelPieceRequest(request))
                #expect(try peer.isDropped(), "\(request)")
            }
            let greedy = try open(coordinator, "w5")
            // All in one write, so that they wait together.
            try greedy.send(raw: (0..<20).flatMap { try piece($0).encode() })
            var answer = try? greedy.next()
            while case .modelPiece = answer { answer = try? greedy.next() }
            #expect(answer == nil)
            let other = try open(coordinator, "w6")
            try other.send(coordinator.hello())
            #expect(try other.isDropped())
            try sound.send(piece(19))
            guard case .modelPiece(let last) = try sound.next() else {
                Issue.record("a sound link suffers from others")
                return
            }
            #expect(last.offset == 19 << 20)
            try coordinator.end()
        }
    }

    @Test("another build is refused before anything is sent, with both names")
    func otherBuild() throws {
        try ServedModel.with { served in
            let coordinator = try served.coordinator()
            let source = served.source(coordinator.endpoint, try coordinator.context("w0"), build: "other")
            let error = #expect(throws: ClusterError.self) { try source.listing() }
            #expect(error?.code == .refused)
            #expect(error?.message.contains("build other") == true && error?.message.contains("runs test") == true)
            try coordinator.end()
        }
    }

    @Test("a model that is no model cannot be fetched, and the coordinator says why")
    func nothingToServe() throws {
        try ServedModel.with { served in
            try FileManager.default.removeItem(atPath: served.model + "/config.json")
            let coordinator = try served.coordinator()
            let source = served.source(coordinator.endpoint, try coordinator.context("w0"))
            let error = #expect(throws: ClusterError.self) { try source.listing() }
            #expect(error?.code == .refused && error?.message.contains("config.json") == true)
            try coordinator.end()
            #expect(coordinator.log.lines.contains { $0.hasPrefix("model-not-served") })
        }
    }

    @Test("a link that does nothing is ended")
    func idle() throws {
        try ServedModel.with { served in
            var limits = ModelServer.Limits()
            limits.idle = .milliseconds(50)
            let coordinator = try served.coordinator(limits)
            #expect(try open(coordinator, "w0").isDropped())
            try coordinator.end()
        }
    }
}
