//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Cuts a byte stream into frames.
///
/// Feed it what arrives, in any pieces; take frames until there is none.
///
/// Memory grows with what has arrived, never with what a prefix claims. After an error the stream is lost: the same
/// error is thrown again, whatever comes.
package struct FrameDecoder: Sendable {
    /// The most bytes that may wait beyond the frame that is being received.
    package static let slack = 1 << 20

    /// What the link accepts; changes when a hello was accepted.
    package var limits: FrameLimits
    private var buffer: [UInt8] = []
    private var start = 0
    private var prefix: FramePrefix?
    private var failure: WireError?

    package init(limits: FrameLimits) {
        self.limits = limits
    }

    /// How many bytes wait to become frames.
    package var waitingByteCount: Int {
        buffer.count - start
    }

    /// Adds bytes that arrived.
    /// - Throws: `WireError` with `oversized` if frames are not taken while bytes come in.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
        if let failure {
            throw failure
        }
        let expected = FramePrefix.byteCount + (prefix?.bodyByteCount ?? 0)
        guard waitingByteCount + bytes.count <= expected + Self.slack else {
            throw fail(
                WireError(
                    .oversized,
                    "\(waitingByteCount) bytes wait and \(bytes.count) come in, the limit is \(expected + Self.slack)"))
        }
        if start > 0 && start >= waitingByteCount {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Adds bytes that arrived.
    package mutating func append(_ bytes: [UInt8]) throws(WireError) {
        var outcome: Result<Void, WireError> = .success(())
        bytes.withUnsafeBytes { pointer in
            do throws(WireError) {
                try append(pointer)
            } catch {
                outcome = .failure(error)
            }
        }
        try outcome.get()
    }

    /// The next whole frame; none if more bytes are needed.
    package mutating func next() throws(WireError) -> Frame? {
        if let failure {
            throw failure
        }
        if prefix == nil {
            guard waitingByteCount >= FramePrefix.byteCount else {
                return nil
            }
            do throws(WireError) {
                prefix = try FramePrefix(
                    validating: buffer[start..<(start + FramePrefix.byteCount)], limits: limits)
            } catch {
                throw fail(error)
            }
        }
        guard let prefix, waitingByteCount >= FramePrefix.byteCount + prefix.bodyByteCount else {
            return nil
        }
        let headerStart = start + FramePrefix.byteCount
        let rawStart = headerStart + prefix.headerByteCount
        let end = rawStart + prefix.rawByteCount
        let frame = Frame(
            kind: prefix.kind, header: Array(buffer[headerStart..<rawStart]), raw: Array(buffer[rawStart..<end]))
        start = end
        self.prefix = nil
        if start == buffer.count {
            // A large buffer is given back; a small one is kept for the frames to come.
            buffer.removeAll(keepingCapacity: buffer.capacity <= Self.slack)
            start = 0
        }
        return frame
    }

    private mutating func fail(_ error: WireError) -> WireError {
        failure = error
        buffer = []
        start = 0
        return error
    }
}
