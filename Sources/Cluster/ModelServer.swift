//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
import Files
import Foundation
import ModelFiles
import RunRecords
import SecureTransport
import Wire

/// The coordinator's thread for model links: sends the base model's files to workers whose hosts lack them.
///
/// It is apart from the run's own thread, so that a transfer delays no message of the training. A link has one piece in
/// memory at a time, a few links are served at once, piece by piece in turn, and the others wait in the order of their
/// requests.
///
/// `@unchecked Sendable`: what other threads touch (newcomers, progress, the end) is behind `lock`; the rest belongs to the
/// server's thread.
package final class ModelServer: @unchecked Sendable {
    /// What a server spends at most.
    package struct Limits: Sendable {
        /// Links that get pieces at a time.
        package var transfers = 4
        /// Links in all; more are turned away.
        package var links = 256
        /// How long a link may do nothing.
        package var idle = Duration.seconds(60)
        /// How often a waiting link is told so.
        package var announcement = Duration.seconds(5)

        package init() {}
    }

    private final class Link {
        let channel: ControlChannel
        var requests: [ModelPieceRequest] = []
        /// Counts the links that have asked for a piece; nil before.
        var turn: UInt64?
        var isClosing = false
        var hasMore = false
        var lastActive = MonotonicClock.now()
        var nextAnnouncement = Deadline.after(.zero)
        var open: (file: Int, handle: FileHandle)?
        var sentByteCount = 0

        init(_ channel: ControlChannel) {
            self.channel = channel
        }
    }

    private let folder: String
    private let makeListing: () throws -> ModelListing
    private let build: String
    private let limits: Limits
    private let log: any RunLog
    private let wake: WakeSignal
    private let lock = NSLock()
    private var newcomers: [(channel: ControlChannel, request: ModelRequest)] = []
    private var hasProgressed = false
    private var isEnding = false
    private var thread: JoinableThread?

    private var links: [Int32: Link] = [:]
    private var turns: UInt64 = 0

    /// Begins to serve.
    /// - Parameters:
    ///   - folder: The base model's folder.
    ///   - weights: The names of the files with the weights, and of their index if there is one.
    ///   - build: The only build that is served: another one could not join.
    package init(
        folder: String, weights: [String], fingerprint: Digest, build: String, log: any RunLog,
        limits: Limits = Limits()
    ) throws {
        self.folder = folder
        self.build = build
        self.log = log
        self.limits = limits
        makeListing = { try ModelListing(folder: folder, weights: weights, fingerprint: fingerprint) }
        wake = try WakeSignal()
        thread = JoinableThread(name: "models") { [self] in run() }
    }

    /// Takes over a link whose first message was `request`; nobody else may touch it from now on.
    func adopt(_ channel: ControlChannel, _ request: ModelRequest) {
        lock.withLock { newcomers.append((channel, request)) }
        wake.fire()
    }

    /// Whether a piece has left since the last call: somebody who is to join is getting on.
    func takeProgress() -> Bool {
        lock.withLock {
            defer { hasProgressed = false }
            return hasProgressed
        }
    }

    /// Ends every link and waits for the thread.
    package func close() {
        lock.withLock { isEnding = true }
        wake.fire()
        thread?.join()
    }

    // MARK: The thread

    private func run() {
        // The files were read a moment ago, so this costs little; requests wait meanwhile.
        let listing = Result { try makeListing() }
        if case .failure(let error) = listing {
            log.write(.warning, "model-not-served", "workers cannot fetch the model from here: \(error)")
        }
        var poller = Poller()
        while !(lock.withLock { isEnding }) {
            do {
                try turn(listing, &poller)
            } catch {
                log.write(.error, "model-server-failed", "workers can no longer fetch the model from here: \(error)")
                break
            }
        }
        for link in links.values {
            link.channel.close()
        }
    }

    private func turn(_ listing: Result<ModelListing, any Error>, _ poller: inout Poller) throws {
        var interests: [Int32: Interest] = [wake.descriptor: .readable]
        for (descriptor, link) in links {
            interests[descriptor] = interest(of: link)
        }
        let isBusy = links.values.contains { $0.hasMore } || serving.contains { !$0.channel.hasOutput }
        let ready = try poller.wait(for: interests, until: .after(isBusy ? .zero : .milliseconds(500)))
        if ready[wake.descriptor] != nil {
            _ = wake.clear()
        }
        let arrived = lock.withLock {
            defer { newcomers = [] }
            return newcomers
        }
        for (channel, request) in arrived {
            greet(channel, request, listing)
        }
        for (descriptor, link) in links.sorted(by: { $0.key < $1.key }) where ready[descriptor] != nil || link.hasMore {
            attend(link) { try receive(link) }
        }
        if case .success(let listing) = listing {
            for link in serving where !link.channel.hasOutput {
                attend(link) { try sendPiece(to: link, of: listing) }
            }
            announce()
        }
        for link in Array(links.values) where MonotonicClock.now().since(link.lastActive) > limits.idle {
            drop(link, reason: "nothing was heard or taken for \(limits.idle)")
        }
    }

    /// The links that get pieces now: those that asked first.
    private var serving: [Link] {
        let asking = links.values.filter { !$0.requests.isEmpty && !$0.isClosing }
        return Array(asking.sorted { ($0.turn ?? 0) < ($1.turn ?? 0) }.prefix(limits.transfers))
    }

    private func interest(of link: Link) -> Interest {
        if link.isClosing { return link.channel.hasOutput ? .writable : [] }
        return link.channel.interest
    }

    private func greet(_ channel: ControlChannel, _ request: ModelRequest, _ listing: Result<ModelListing, any Error>) {
        guard links.count < limits.links else {
            log.write(.warning, "model-link-turned-away", "\(channel.peerName): \(links.count) links are open")
            channel.close()
            return
        }
        let link = Link(channel)
        links[channel.connection.descriptor] = link
        channel.accept(.fromModelReader)
        attend(link) {
            if request.protocolVersion != Hello.currentProtocolVersion || request.build != build {
                link.isClosing = true
                try channel.send(
                    .refusal(
                        Refusal(
                            code: .protocolVersion,
                            message:
                                "it runs build \(request.build), the coordinator runs \(build); install the same build "
                                + "on every host")))
            } else {
                switch listing {
                case .success(let listing): try channel.send(.modelManifest(ModelManifest(listing)))
                case .failure(let error):
                    link.isClosing = true
                    try channel.send(
                        .refusal(
                            Refusal(
                                code: .modelFingerprint,
                                message: String("the coordinator cannot serve its model: \(error)".prefix(1000)))))
                }
            }
            try receive(link)
        }
    }

    /// Does something with a link; whatever is wrong costs this link alone.
    private func attend(_ link: Link, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            drop(link, reason: "\(error)")
        }
    }

    private func receive(_ link: Link) throws {
        let hadOutput = link.channel.hasOutput
        try link.channel.flush()
        if hadOutput, !link.channel.hasOutput { link.lastActive = MonotonicClock.now() }
        if link.isClosing {
            if !link.channel.hasOutput { forget(link) }
            return
        }
        let received = try link.channel.receive()
        link.hasMore = received.hasMore
        for message in received.messages {
            guard case .modelPieceRequest(let request) = message,
                link.requests.count < ModelPieceRequest.maximumUnanswered
            else {
                throw ClusterError(
                    code: .unexpectedMessage,
                    message: "expected at most \(ModelPieceRequest.maximumUnanswered) unanswered requests for pieces")
            }
            link.requests.append(request)
            link.lastActive = MonotonicClock.now()
            if link.turn == nil {
                turns += 1
                link.turn = turns
                log.write(.info, "model-fetched", "\(link.channel.peerName) fetches the model")
            }
        }
        if received.isClosed {
            forget(link)
        }
    }

    private func sendPiece(to link: Link, of listing: ModelListing) throws {
        let request = link.requests.removeFirst()
        let bytes = try read(request, for: link, of: listing)
        try link.channel.send(.modelPiece(ModelPiece(file: request.file, offset: request.offset, bytes: bytes)))
        try link.channel.flush()
        link.sentByteCount += bytes.count
        link.lastActive = MonotonicClock.now()
        lock.withLock { hasProgressed = true }
    }

    private func read(_ request: ModelPieceRequest, for link: Link, of listing: ModelListing) throws -> [UInt8] {
        guard request.file < listing.files.count,
            request.offset + request.byteCount <= listing.files[request.file].byteCount
        else {
            throw ClusterError(
                code: .unexpectedMessage,
                message:
                    "it asks for \(request.byteCount) bytes from \(request.offset) of file \(request.file), which the "
                    + "model does not have")
        }
        let path = folder + "/" + listing.files[request.file].name
        do {
            if link.open?.file != request.file {
                link.open = (request.file, try SystemFile.open(path, flags: O_RDONLY))
            }
            try link.open?.handle.seek(toOffset: UInt64(request.offset))
            let bytes = [UInt8](try link.open?.handle.read(upToCount: request.byteCount) ?? Data())
            guard bytes.count == request.byteCount else {
                throw ClusterError(
                    code: .badSetup, message: "\(path) has become shorter: a model must not change during a run")
            }
            return bytes
        } catch {
            log.write(.error, "model-not-read", "\(error)")
            throw error
        }
    }

    /// Tells those that wait how many come first, which is also how they know that the coordinator lives.
    private func announce() {
        let waiting = links.values.filter { !$0.requests.isEmpty && !$0.isClosing }
            .sorted { ($0.turn ?? 0) < ($1.turn ?? 0) }.dropFirst(limits.transfers)
        for (place, link) in waiting.enumerated() where link.nextAnnouncement.hasPassed && !link.channel.hasOutput {
            link.nextAnnouncement = .after(limits.announcement)
            // Its turn comes; until then the silence is ours.
            link.lastActive = MonotonicClock.now()
            attend(link) {
                try link.channel.send(.modelQueue(ModelQueue(ahead: min(limits.transfers + place, 65535))))
                try link.channel.flush()
            }
        }
    }

    private func forget(_ link: Link) {
        if link.sentByteCount > 0 {
            log.write(
                .info, "model-link-ended", "\(link.channel.peerName) was sent \(link.sentByteCount) bytes of the model")
        }
        links[link.channel.connection.descriptor] = nil
        link.channel.close()
    }

    private func drop(_ link: Link, reason: String) {
        log.write(.warning, "model-link-lost", "\(link.channel.peerName): \(reason)")
        forget(link)
    }
}

extension ModelManifest {
    /// - Throws: `WireError` where a name is none that travels.
    init(_ listing: ModelListing) throws {
        try self.init(
            fingerprint: listing.fingerprint.bytes,
            files: listing.files.map { try File(name: $0.name, byteCount: $0.byteCount, digest: $0.digest.bytes) })
    }
}

extension ModelListing {
    /// - Throws: `ModelFilesError` where the files are none of a model's.
    init(_ manifest: ModelManifest) throws {
        try self.init(
            fingerprint: Digest(bytes: manifest.fingerprint),
            files: manifest.files.map {
                File(name: $0.name, byteCount: $0.byteCount, digest: Digest(bytes: $0.digest))
            })
    }
}
