//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A message that travels as one frame: a plain value on this side, a generated C struct on the other.
///
/// Every initialiser checks every field, so a value that exists can be sent, and a value that arrived can be used.
protocol WireMessage: Hashable, Sendable {
    associatedtype Generated: GeneratedMessage
    /// The frame it travels in.
    static var kind: FrameKind { get }
    /// The bytes after the header.
    var raw: [UInt8] { get }
    /// The C struct; what it points to belongs to `arena`.
    func generated(_ arena: EncodingArena) -> Generated
    /// Copies and checks what arrived.
    init(_ message: Generated, raw: [UInt8]) throws(WireError)
}

extension WireMessage {
    var raw: [UInt8] {
        []
    }

    /// The message as a frame.
    func frame() -> Frame {
        let arena = EncodingArena()
        let header = withExtendedLifetime(arena) { generated(arena).packed() }
        let raw = raw
        let limit = Self.kind.limit
        precondition(
            header.count <= limit.headerByteCount && raw.count <= limit.rawByteCount,
            "a \(Self.kind) frame of \(header.count) + \(raw.count) bytes passed its checks")
        return Frame(kind: Self.kind, header: header, raw: raw)
    }

    /// Reads a frame of this message's kind.
    init(frame: Frame) throws(WireError) {
        guard frame.kind == Self.kind else {
            throw WireError(.unexpectedKind, "expected a \(Self.kind) frame, found \(frame.kind)")
        }
        let limit = Self.kind.limit
        guard frame.header.count <= limit.headerByteCount, frame.raw.count <= limit.rawByteCount else {
            throw WireError(
                .oversized, "a \(Self.kind) frame of \(frame.header.count) + \(frame.raw.count) bytes")
        }
        self = try Generated.withUnpacked(frame.header, kind: Self.kind) { message throws(WireError) in
            try Self(message, raw: frame.raw)
        }
    }
}
