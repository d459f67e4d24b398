//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import SecureTransport
import Wire

/// A standing data link to one worker: turns segments into chunk frames and back, as far as the socket allows.
///
/// One thread uses it, and only during an exchange; what a quick peer sent of the next exchange waits in `input`.
final class DataLink {
    private static let inputCapacity = 256 << 10

    let peer: Roster.Member
    let connection: TLSConnection

    /// Bytes that were read and not used yet: `input[inputStart..<inputEnd]`.
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: inputCapacity, alignment: 16)
    private var inputStart = 0
    private var inputEnd = 0

    /// The frame on its way out: prefix, header and elements, so that a short one is a single TLS record.
    private var output: [UInt8] = []
    private var outputSent = 0

    private var outgoing: ArraySlice<OutgoingSegment> = []
    private var incoming: ArraySlice<(index: Int, segment: IncomingSegment)> = []
    /// Bytes of the first incoming segment that are in place; nil before its header.
    private var filled: Int?

    init(peer: Roster.Member, connection: TLSConnection) {
        self.peer = peer
        self.connection = connection
    }

    deinit {
        input.deallocate()
        connection.close()
    }

    /// Takes the segments of a new exchange.
    func begin(outgoing: [OutgoingSegment], incoming: [(index: Int, segment: IncomingSegment)]) {
        self.outgoing = outgoing[...]
        self.incoming = incoming[...]
        filled = nil
        output.removeAll(keepingCapacity: true)
        outputSent = 0
    }

    var isDone: Bool { isSent && incoming.isEmpty }

    private var isSent: Bool { outgoing.isEmpty && outputSent == output.count }

    /// Whether something is still expected from the peer.
    var awaitsInput: Bool { !incoming.isEmpty }

    /// What to poll for.
    ///
    /// A link is watched for reading even without a segment, so that a peer that is gone is noticed.
    /// - Parameter canSend: Whether the next outgoing segment may leave.
    func interest(canSend: Bool) -> Interest {
        var interest: Interest = []
        if awaitsInput || inputEnd - inputStart < Self.inputCapacity {
            interest.formUnion(connection.readInterest)
        }
        if outputSent < output.count || canSend {
            interest.formUnion(connection.writeInterest.isEmpty ? .writable : connection.writeInterest)
        }
        return interest
    }

    /// The next outgoing segment, if it has not begun to leave.
    var nextOutgoing: OutgoingSegment? { outputSent == output.count ? outgoing.first : nil }

    // MARK: Out

    /// Sends as much as the socket takes.
    /// - Parameters:
    ///   - isReady: Whether a segment may leave: those that it waits for are in.
    ///   - header: Makes a segment's frame prefix and header.
    func send(isReady: (OutgoingSegment) -> Bool, header: (OutgoingSegment) throws -> [UInt8]) throws {
        while true {
            if outputSent == output.count {
                guard let segment = outgoing.first, isReady(segment) else { return }
                outgoing.removeFirst()
                output.removeAll(keepingCapacity: true)
                output += try header(segment)
                output += UnsafeRawBufferPointer(segment.elements)
                outputSent = 0
            }
            let outcome = try output.withUnsafeBytes { bytes in
                try connection.write(UnsafeRawBufferPointer(rebasing: bytes[outputSent...]))
            }
            guard case .bytes(let count) = outcome else { return }
            outputSent += count
        }
    }

    // MARK: In

    /// Takes what has arrived, as far as it belongs to this exchange.
    /// - Parameters:
    ///   - check: Holds a header against the segment that is due.
    ///   - received: Called with a segment's index once it is complete.
    /// - Returns: Whether the peer has closed.
    func receive(check: (ChunkHeader, IncomingSegment) throws -> Void, received: (Int) -> Void) throws -> Bool {
        while true {
            try useInput(check: check, received: received)
            if let filled, let due = incoming.first, inputStart == inputEnd {
                // Nothing is buffered and elements are due: read them to where they belong.
                let target = UnsafeMutableRawBufferPointer(due.segment.elements)
                switch try connection.read(into: UnsafeMutableRawBufferPointer(rebasing: target[filled...])) {
                case .bytes(let count): advance(filled + count, of: target.count, received: received)
                case .wouldBlock: return false
                case .closed: return true
                }
            } else {
                compactInput()
                guard inputEnd < Self.inputCapacity else { return false }
                switch try connection.read(into: UnsafeMutableRawBufferPointer(rebasing: input[inputEnd...])) {
                case .bytes(let count): inputEnd += count
                case .wouldBlock: return false
                case .closed: return true
                }
            }
        }
    }

    private func useInput(check: (ChunkHeader, IncomingSegment) throws -> Void, received: (Int) -> Void) throws {
        while let due = incoming.first {
            let target = UnsafeMutableRawBufferPointer(due.segment.elements)
            if let filled {
                let count = min(inputEnd - inputStart, target.count - filled)
                guard count > 0 else { return }
                UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + count]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: input[inputStart..<inputStart + count]))
                inputStart += count
                advance(filled + count, of: target.count, received: received)
            } else {
                let headerEnd = FramePrefix.byteCount + ChunkHeader.byteCount
                guard inputEnd - inputStart >= headerEnd else { return }
                let bytes = Array(input[inputStart..<inputStart + headerEnd])
                let prefix = try FramePrefix(validating: bytes[..<FramePrefix.byteCount], limits: .dataLink)
                guard prefix.kind == .chunk else {
                    throw ClusterError(
                        code: .unexpectedMessage, message: "\(peer.name) sent a \(prefix.kind) instead of sums")
                }
                try check(
                    ChunkHeader(
                        validating: bytes[FramePrefix.byteCount...], rawByteCount: prefix.rawByteCount), due.segment)
                inputStart += headerEnd
                filled = 0
            }
        }
    }

    private func advance(_ count: Int, of total: Int, received: (Int) -> Void) {
        filled = count
        if count == total, let done = incoming.popFirst() {
            filled = nil
            received(done.index)
        }
    }

    private func compactInput() {
        if inputStart == inputEnd {
            inputStart = 0
            inputEnd = 0
        } else if inputEnd == Self.inputCapacity, inputStart > 0 {
            let left = inputEnd - inputStart
            UnsafeMutableRawBufferPointer(rebasing: input[..<left]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd]))
            inputStart = 0
            inputEnd = left
        }
    }
}
