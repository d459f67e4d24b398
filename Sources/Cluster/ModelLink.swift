//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ModelFiles
import SecureTransport
import Wire

/// A worker's end of a model link: asks the coordinator for the listing and for the files' pieces.
///
/// Its calls wait; one thread owns it.
final class ModelLink {
    /// Requests on their way at a time, so that the next piece is being read while one travels.
    private static let window = 4
    /// How long the coordinator may be silent: it says so every few seconds where others come first.
    private static let silenceLimit = Duration.seconds(120)

    let listing: ModelListing
    private let channel: ControlChannel
    private var poller = Poller()

    /// Dials the coordinator and asks for its model.
    /// - Parameter source: The address of this machine to call from; nil leaves it to the kernel.
    /// - Throws: `TransportError`; `ClusterError` with `.refused`; `ModelFilesError` for files that are none of a model's.
    init(
        to endpoint: Endpoint, from source: String?, context: TLSContext, build: String, until deadline: Deadline
    ) throws {
        let channel = try WorkerLoop.dial(endpoint, from: source, context: context, until: deadline)
        channel.accept(.fromModelServer)
        var poller = Poller()
        do {
            try channel.send(.modelRequest(ModelRequest(build: build)))
            guard case .modelManifest(let manifest) = try Self.next(of: channel, &poller).first else {
                throw ClusterError(
                    code: .unexpectedMessage,
                    message: "the coordinator answered with something else than its model's files")
            }
            listing = try ModelListing(manifest)
        } catch {
            channel.close()
            throw error
        }
        self.channel = channel
    }

    /// Fetches what is missing.
    /// - Throws: What the link, the disk or a digest has against it; what has come by then is kept.
    func fill(_ partial: PartialModel, report: (String) -> Void) throws {
        var missing = partial.missingPieces(ofAtMost: ModelPiece.maximumByteCount).makeIterator()
        var awaited: [ModelPieceRequest] = []
        while true {
            while awaited.count < Self.window, let piece = missing.next() {
                let request = try ModelPieceRequest(file: piece.file, offset: piece.offset, byteCount: piece.byteCount)
                awaited.append(request)
                try channel.send(.modelPieceRequest(request))
            }
            guard !awaited.isEmpty else { return }
            for message in try Self.next(of: channel, &poller) {
                switch message {
                case .modelQueue(let queue):
                    report("waiting for the coordinator: \(queue.ahead) other workers come first")
                case .modelPiece(let piece):
                    guard let request = awaited.first, piece.file == request.file, piece.offset == request.offset,
                        piece.bytes.count == request.byteCount
                    else {
                        throw ClusterError(
                            code: .unexpectedMessage,
                            message: "the coordinator sent \(piece.bytes.count) bytes from \(piece.offset) of file "
                                + "\(piece.file), which are not the ones that are due")
                    }
                    awaited.removeFirst()
                    try partial.append(piece.bytes, to: piece.file)
                default:
                    throw ClusterError(
                        code: .unexpectedMessage, message: "the coordinator sent something else than the model's files")
                }
            }
        }
    }

    func close() {
        channel.close()
    }

    /// Sends what is queued and waits for messages.
    private static func next(of channel: ControlChannel, _ poller: inout Poller) throws -> [ControlMessage] {
        let deadline = Deadline.after(silenceLimit)
        while true {
            try channel.flush()
            let received = try channel.receive()
            if case .refusal(let refusal) = received.messages.first {
                throw ClusterError(
                    code: .refused, message: "the coordinator does not serve this worker: \(refusal.message)")
            }
            if !received.messages.isEmpty { return received.messages }
            guard !received.isClosed else {
                throw ClusterError(code: .peerClosed, message: "the coordinator closed the link")
            }
            guard !deadline.hasPassed else {
                throw ClusterError(
                    code: .coordinatorLost, message: "the coordinator has sent nothing for \(silenceLimit)")
            }
            guard !received.hasMore else { continue }
            _ = try poller.wait(for: channel.interest, of: channel.connection.descriptor, until: deadline)
        }
    }
}
