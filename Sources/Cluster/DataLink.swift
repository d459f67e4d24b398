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
    /// How many bytes go one way before the other way and the other links have their turn: what has come in is added
    /// while it is still in the processor's cache.
    private static let turnByteCount = 256 << 10
    /// How many bytes are read before they are used, so that they are still in the processor's cache.
    private static let readByteCount = 4 * TLSConnection.largestRecord

    let peer: Roster.Member
    let connection: TLSConnection

    /// Bytes that were read and not used yet: `input[inputStart..<inputEnd]`.
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: inputCapacity, alignment: 16)
    private var inputStart = 0
    private var inputEnd = 0

    /// The frame on its way out, of which `output[outputStart..<outputEnd]` has not left yet; with room for the longest
    /// one of the exchange.
    private var output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var outputStart = 0
    private var outputEnd = 0
    /// Whether the socket took less than was offered; until poll says that it takes more.
    private var isBlocked = false

    private var outgoing: ArraySlice<OutgoingSegment> = []
    private var incoming: ArraySlice<(index: Int, segment: IncomingSegment)> = []
    /// The frame that is coming in; nil before its header.
    private var frame: IncomingFrame?
    /// Whether something may have arrived since the link was last read empty.
    private var mayHaveInput = true

    /// How far the first incoming segment is.
    private struct IncomingFrame {
        /// Elements that are in place.
        var elementCount = 0
        /// Bytes that have not been used.
        var leftByteCount: Int
    }

    init(peer: Roster.Member, connection: TLSConnection) {
        self.peer = peer
        self.connection = connection
    }

    deinit {
        connection.close()
        input.deallocate()
        output.deallocate()
    }

    /// Takes the segments of a new exchange.
    func begin(outgoing: [OutgoingSegment], incoming: [(index: Int, segment: IncomingSegment)]) {
        self.outgoing = outgoing[...]
        self.incoming = incoming[...]
        let longest = outgoing.reduce(0) { max($0, $1.range.count) }
        let room = Self.headerByteCount + PackedIntegers.byteCounts(elementCount: longest).upperBound
        if output.count < room {
            output.deallocate()
            output = .allocate(byteCount: room, alignment: 16)
        }
        frame = nil
        mayHaveInput = true
    }

    var isDone: Bool { isSent && incoming.isEmpty }

    private var isSent: Bool { outgoing.isEmpty && !hasFrame }

    /// Whether a frame has begun to leave and has not gone.
    private var hasFrame: Bool { outputStart < outputEnd }

    /// Whether bytes could leave now, as far as is known.
    func canSend(_ isReady: (OutgoingSegment) -> Bool) -> Bool {
        !isBlocked && (hasFrame || (outgoing.first.map(isReady) ?? false))
    }

    /// What to poll for.
    ///
    /// A link is watched for reading even without a segment, so that a peer that is gone is noticed.
    func interest(_ isReady: (OutgoingSegment) -> Bool) -> Interest {
        var interest: Interest = []
        if !incoming.isEmpty || inputEnd - inputStart < Self.inputCapacity {
            interest.formUnion(connection.readInterest)
        }
        if hasFrame || (outgoing.first.map(isReady) ?? false) {
            interest.formUnion(connection.writeInterest.isEmpty ? .writable : connection.writeInterest)
        }
        return interest
    }

    /// Notes what poll found.
    func noteReady(_ ready: Interest) {
        if ready.isEmpty { return }
        // Either direction may have waited for either.
        isBlocked = false
        mayHaveInput = true
    }

    // MARK: Out

    private static let headerByteCount = FramePrefix.byteCount + ChunkHeader.byteCount

    /// Sends as much as the socket takes and as one turn allows.
    /// - Parameters:
    ///   - isReady: Whether a segment may leave: those that it waits for are in.
    ///   - header: A segment's header.
    func send(isReady: (OutgoingSegment) -> Bool, header: (OutgoingSegment) throws -> ChunkHeader) throws {
        if isBlocked { return }
        var sent = 0
        while true {
            if !hasFrame {
                guard sent < Self.turnByteCount, let segment = outgoing.first, isReady(segment) else { return }
                outgoing.removeFirst()
                begin(segment, try header(segment))
            }
            let next = UnsafeRawBufferPointer(rebasing: output[outputStart..<outputEnd])
            guard case .bytes(let count) = try connection.write(next) else {
                isBlocked = true
                return
            }
            sent += count
            outputStart += count
            if count < next.count {
                isBlocked = true
                return
            }
        }
    }

    private func begin(_ segment: OutgoingSegment, _ header: ChunkHeader) {
        let packedByteCount = PackedIntegers.pack(
            segment.elements, into: UnsafeMutableRawBufferPointer(rebasing: output[Self.headerByteCount...]))
        output.copyBytes(from: header.encodeWithPrefix(packedByteCount: packedByteCount))
        outputStart = 0
        outputEnd = Self.headerByteCount + packedByteCount
    }

    // MARK: In

    /// Takes what has arrived, as far as it belongs to this exchange and as one turn allows.
    /// - Parameters:
    ///   - check: Holds a header against the segment that is due.
    ///   - received: Called with a segment's index once it is complete.
    /// - Returns: Whether the peer has closed.
    func receive(check: (ChunkHeader, IncomingSegment) throws -> Void, received: (Int) -> Void) throws -> Bool {
        var taken = 0
        // Of the next exchange something may wait in the buffer when nothing more arrives.
        try useInput(check: check, received: received)
        while mayHaveInput, taken < Self.turnByteCount {
            compactInput()
            guard inputEnd < Self.inputCapacity else { return false }
            let room = min(Self.inputCapacity - inputEnd, Self.readByteCount)
            let target = UnsafeMutableRawBufferPointer(rebasing: input[inputEnd..<inputEnd + room])
            switch try connection.read(into: target) {
            case .wouldBlock: mayHaveInput = false
            case .closed: return true
            case .bytes(let count):
                taken += count
                // A read ends before its buffer does where nothing more is there; an end of the stream that came with
                // these bytes is found by the next one, after poll.
                mayHaveInput = count == target.count
                inputEnd += count
                try useInput(check: check, received: received)
            }
        }
        return false
    }

    /// Whether a turn ended before everything was read.
    var hasMoreInput: Bool {
        mayHaveInput && (!incoming.isEmpty || inputEnd - inputStart < Self.inputCapacity)
    }

    private func useInput(check: (ChunkHeader, IncomingSegment) throws -> Void, received: (Int) -> Void) throws {
        while let due = incoming.first {
            guard frame != nil else {
                guard try useHeader(check: { try check($0, due.segment) }) else { return }
                continue
            }
            guard try useBlock(due.segment) else { return }
            if frame?.elementCount == due.segment.range.count {
                guard frame?.leftByteCount == 0 else {
                    throw WireError(
                        .malformed,
                        "the elements of a chunk end \(frame?.leftByteCount ?? 0) bytes before its frame does")
                }
                frame = nil
                incoming.removeFirst()
                received(due.index)
            }
        }
    }

    /// Begins the frame at the front of the input.
    /// - Returns: Whether its header was there.
    private func useHeader(check: (ChunkHeader) throws -> Void) throws -> Bool {
        guard inputEnd - inputStart >= Self.headerByteCount else { return false }
        let bytes = Array(input[inputStart..<inputStart + Self.headerByteCount])
        let prefix = try FramePrefix(validating: bytes[..<FramePrefix.byteCount], limits: .dataLink)
        guard prefix.kind == .chunk else {
            throw WireError(.unexpectedKind, "a \(prefix.kind) frame instead of a chunk")
        }
        guard prefix.headerByteCount == ChunkHeader.byteCount else {
            throw WireError(
                .malformed,
                "the header of a chunk: expected \(ChunkHeader.byteCount) bytes, found \(prefix.headerByteCount)")
        }
        try check(ChunkHeader(validating: bytes[FramePrefix.byteCount...], rawByteCount: prefix.rawByteCount))
        inputStart += Self.headerByteCount
        frame = IncomingFrame(leftByteCount: prefix.rawByteCount)
        return true
    }

    /// Puts the next block of the frame in place.
    /// - Returns: Whether it was there.
    private func useBlock(_ segment: IncomingSegment) throws -> Bool {
        guard let frame else { return false }
        let count = min(PackedIntegers.blockElementCount, segment.range.count - frame.elementCount)
        let here = min(inputEnd - inputStart, frame.leftByteCount)
        let bytes = UnsafeRawBufferPointer(rebasing: input[inputStart..<inputStart + here])
        guard let block = try PackedIntegers.Block(atFrontOf: bytes, elementCount: count) else {
            guard here < frame.leftByteCount else {
                throw WireError(.malformed, "a chunk's frame ends within a block, \(here) bytes after it begins")
            }
            return false
        }
        // All peers' segments of a sum begin at the same place and are cut into the same blocks.
        let places = frame.elementCount..<frame.elementCount + count
        switch segment.destination {
        case .replace(let elements): block.unpack(into: UnsafeMutableBufferPointer(rebasing: elements[places]))
        case .add(let sum): sum.add(places, from: segment.peer) { block.add(to: $0, into: $1) }
        }
        inputStart += block.byteCount
        self.frame = IncomingFrame(
            elementCount: places.upperBound, leftByteCount: frame.leftByteCount - block.byteCount)
        return true
    }

    private func compactInput() {
        if inputStart == inputEnd {
            inputStart = 0
            inputEnd = 0
            return
        }
        let left = inputEnd - inputStart
        if inputStart > 0, inputEnd == Self.inputCapacity || left < PackedIntegers.largestBlockByteCount {
            // At the buffer's end, or where little is moved: what is read next goes to memory that is in the cache.
            UnsafeMutableRawBufferPointer(rebasing: input[..<left]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd]))
            inputStart = 0
            inputEnd = left
        }
    }
}
