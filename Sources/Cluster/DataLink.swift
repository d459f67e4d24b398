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

    let peer: Roster.Member
    let connection: TLSConnection

    /// Bytes that were read and not used yet: `input[inputStart..<inputEnd]`.
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: inputCapacity, alignment: 16)
    private var inputStart = 0
    private var inputEnd = 0

    /// The beginning of the frame on its way out, prefix, header and first elements, so that a short frame is a single
    /// TLS record: `record[recordStart..<recordEnd]` has not left yet.
    private let record = UnsafeMutableRawBufferPointer.allocate(
        byteCount: TLSConnection.largestRecord, alignment: 16)
    private var recordStart = 0
    private var recordEnd = 0
    /// The frame's further elements, in the vector's own memory, where they travel as they lie there.
    private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The frame's further elements where they are packed, a record at a time.
    private var unpacked = UnsafeBufferPointer<Int64>(start: nil, count: 0)
    private var outgoingWidth = ElementWidth(byteCount: 8)
    /// Whether the socket took less than was offered; until poll says that it takes more.
    private var isBlocked = false

    private var outgoing: ArraySlice<OutgoingSegment> = []
    private var incoming: ArraySlice<(index: Int, segment: IncomingSegment)> = []
    /// Bytes of the first incoming segment's memory that are in place; nil before its header.
    private var filled: Int?
    private var incomingWidth = ElementWidth(byteCount: 8)
    /// Whether something may have arrived since the link was last read empty.
    private var mayHaveInput = true

    init(peer: Roster.Member, connection: TLSConnection) {
        self.peer = peer
        self.connection = connection
    }

    deinit {
        connection.close()
        input.deallocate()
        record.deallocate()
    }

    /// Takes the segments of a new exchange.
    func begin(outgoing: [OutgoingSegment], incoming: [(index: Int, segment: IncomingSegment)]) {
        self.outgoing = outgoing[...]
        self.incoming = incoming[...]
        filled = nil
        mayHaveInput = true
    }

    var isDone: Bool { isSent && incoming.isEmpty }

    private var isSent: Bool { outgoing.isEmpty && !hasFrame }

    /// Whether a frame has begun to leave and has not gone.
    private var hasFrame: Bool { recordStart < recordEnd || !rest.isEmpty || !unpacked.isEmpty }

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

    /// Sends as much as the socket takes and as one turn allows.
    /// - Parameters:
    ///   - isReady: Whether a segment may leave: those that it waits for are in.
    ///   - header: Makes a segment's frame prefix and header.
    func send(
        isReady: (OutgoingSegment) -> Bool, header: (OutgoingSegment, ElementWidth) throws -> [UInt8]
    ) throws {
        if isBlocked { return }
        var sent = 0
        while true {
            if !hasFrame {
                guard sent < Self.turnByteCount, let segment = outgoing.first, isReady(segment) else { return }
                outgoing.removeFirst()
                outgoingWidth = ElementWidth(holding: segment.elements)
                begin(segment, header: try header(segment, outgoingWidth))
            } else if recordStart == recordEnd, !unpacked.isEmpty {
                packRecord(behind: 0)
            }
            let next =
                recordStart < recordEnd ? UnsafeRawBufferPointer(rebasing: record[recordStart..<recordEnd]) : rest
            let isWhole = unpacked.isEmpty && next.count == recordEnd - recordStart + rest.count
            let outcome = try connection.write(next, moreFollows: !isWhole)
            guard case .bytes(let count) = outcome else {
                isBlocked = true
                return
            }
            sent += count
            if recordStart < recordEnd {
                recordStart += count
            } else {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            if count < next.count {
                isBlocked = true
                return
            }
        }
    }

    private func begin(_ segment: OutgoingSegment, header: [UInt8]) {
        record.copyBytes(from: header)
        guard outgoingWidth.isWhole else {
            unpacked = segment.elements
            packRecord(behind: header.count)
            return
        }
        let elements = UnsafeRawBufferPointer(segment.elements)
        let first = min(elements.count, TLSConnection.largestRecord - header.count)
        UnsafeMutableRawBufferPointer(rebasing: record[header.count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: elements[..<first]))
        recordStart = 0
        recordEnd = header.count + first
        rest = UnsafeRawBufferPointer(rebasing: elements[first...])
    }

    /// Fills the record with as many packed elements as it has room for.
    private func packRecord(behind start: Int) {
        let count = min((TLSConnection.largestRecord - start) / outgoingWidth.byteCount, unpacked.count)
        outgoingWidth.pack(
            UnsafeBufferPointer(rebasing: unpacked[..<count]),
            into: UnsafeMutableRawBufferPointer(rebasing: record[start...]))
        unpacked = UnsafeBufferPointer(rebasing: unpacked[count...])
        recordStart = 0
        recordEnd = start + count * outgoingWidth.byteCount
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
            let target: UnsafeMutableRawBufferPointer
            let isDirect: Bool
            if let filled, let due = incoming.first, inputStart == inputEnd, incomingWidth.isWhole {
                // Nothing is buffered and elements are due: read them to where they belong.
                target = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(due.segment.elements)[filled...])
                isDirect = true
            } else {
                compactInput()
                guard inputEnd < Self.inputCapacity else { return false }
                // A frame begins with a record: of a frame that is not packed, no more than that one takes the way
                // through the buffer.
                let room = min(Self.inputCapacity - inputEnd, TLSConnection.largestRecord)
                target = UnsafeMutableRawBufferPointer(rebasing: input[inputEnd..<inputEnd + room])
                isDirect = false
            }
            switch try connection.read(into: target) {
            case .wouldBlock: mayHaveInput = false
            case .closed: return true
            case .bytes(let count):
                taken += count
                // A read ends before its buffer does where nothing more is there; an end of the stream that came with
                // these bytes is found by the next one, after poll.
                mayHaveInput = count == target.count
                if isDirect, let filled, let due = incoming.first {
                    advance(
                        filled + count, of: due.segment.elements.count * MemoryLayout<Int64>.size, received: received)
                } else {
                    inputEnd += count
                    try useInput(check: check, received: received)
                }
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
            let target = UnsafeMutableRawBufferPointer(due.segment.elements)
            if let filled, !incomingWidth.isWhole {
                let place = filled / MemoryLayout<Int64>.size
                let count = min((inputEnd - inputStart) / incomingWidth.byteCount, due.segment.elements.count - place)
                guard count > 0 else { return }
                incomingWidth.unpack(
                    UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd]),
                    into: UnsafeMutableBufferPointer(rebasing: due.segment.elements[place..<place + count]))
                inputStart += count * incomingWidth.byteCount
                advance(filled + count * MemoryLayout<Int64>.size, of: target.count, received: received)
            } else if let filled {
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
                let header = try ChunkHeader(
                    validating: bytes[FramePrefix.byteCount...], rawByteCount: prefix.rawByteCount)
                try check(header, due.segment)
                incomingWidth = header.width
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
        } else if inputStart > 0, inputEnd == Self.inputCapacity || inputEnd - inputStart < 64 {
            // At the buffer's end, or where little is moved: what is read next goes to memory that is in the cache.
            let left = inputEnd - inputStart
            UnsafeMutableRawBufferPointer(rebasing: input[..<left]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd]))
            inputStart = 0
            inputEnd = left
        }
    }
}
