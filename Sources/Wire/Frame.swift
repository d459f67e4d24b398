//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a frame carries.
///
/// The raw values are on the wire and never change their meaning.
package enum FrameKind: UInt16, CaseIterable, Sendable {
    // Joining, staying, leaving.
    case hello = 1
    case welcome = 2
    case refusal = 3
    case roster = 4
    case linksReady = 5
    case heartbeat = 6
    case failure = 7
    case farewell = 8
    // Work.
    case phaseStart = 16
    case phaseReady = 17
    case shardAssignment = 18
    case stepReport = 19
    case predictionReport = 20
    case snapshotRequest = 21
    case snapshot = 22
    case halt = 23
    case halted = 24
    case textReport = 25
    // Logs.
    case logBatch = 32
    case logAcknowledgement = 33
    // Data links.
    case linkHello = 48
    case chunk = 49
    // Model links.
    case modelRequest = 64
    case modelManifest = 65
    case modelPieceRequest = 66
    case modelPiece = 67
    case modelQueue = 68
}

/// The fixed part before every frame.
///
/// All numbers little-endian:
///
///     offset  size  field
///     0       4     "LDRP"
///     4       2     version of the frame format, 1
///     6       2     kind
///     8       4     length of the header: a protobuf message, or a `ChunkHeader`, in bytes.
///     12      8     length of the raw bytes after the header, in bytes.
package struct FramePrefix: Hashable, Sendable {
    /// How long it is, in bytes.
    package static let byteCount = 20
    /// The version of the frame format.
    package static let version: UInt16 = 1
    static let magic: [UInt8] = Array("LDRP".utf8)

    package let kind: FrameKind
    /// The length of the header, in bytes.
    package let headerByteCount: Int
    /// The length of the raw bytes after the header, in bytes.
    package let rawByteCount: Int

    /// - Precondition: Lengths that fit their fields.
    package init(kind: FrameKind, headerByteCount: Int, rawByteCount: Int) {
        precondition(
            headerByteCount >= 0 && headerByteCount <= UInt32.max && rawByteCount >= 0,
            "a \(kind) frame of \(headerByteCount) + \(rawByteCount) bytes")
        self.kind = kind
        self.headerByteCount = headerByteCount
        self.rawByteCount = rawByteCount
    }

    /// Reads a prefix and holds its lengths against `limits`, before anything is allocated for the frame.
    /// - Precondition: `bytes` has `byteCount` bytes.
    package init(validating bytes: ArraySlice<UInt8>, limits: FrameLimits) throws(WireError) {
        precondition(bytes.count == Self.byteCount, "a frame prefix of \(bytes.count) bytes")
        var rest = bytes
        let magic = rest.prefix(4)
        guard magic.elementsEqual(Self.magic) else {
            throw WireError(.badMagic, "expected a frame that starts with \(Self.magic), found \(Array(magic))")
        }
        rest = rest.dropFirst(4)
        let version = UInt16(littleEndianBytes: &rest)
        guard version == Self.version else {
            throw WireError(.badVersion, "expected frame format \(Self.version), found \(version)")
        }
        let number = UInt16(littleEndianBytes: &rest)
        guard let kind = FrameKind(rawValue: number) else {
            throw WireError(.unknownKind, "no frame has kind \(number)")
        }
        let header = UInt32(littleEndianBytes: &rest)
        let raw = UInt64(littleEndianBytes: &rest)
        guard let limit = limits[kind] else {
            throw WireError(.unexpectedKind, "a \(kind) frame has no place on a link \(limits.name)")
        }
        guard header <= limit.headerByteCount, raw <= limit.rawByteCount else {
            throw WireError(
                .oversized,
                "a \(kind) frame of \(header) + \(raw) bytes, the limit is "
                    + "\(limit.headerByteCount) + \(limit.rawByteCount)")
        }
        self.init(kind: kind, headerByteCount: Int(header), rawByteCount: Int(raw))
    }

    /// How long the frame is after its prefix, in bytes.
    package var bodyByteCount: Int {
        headerByteCount + rawByteCount
    }

    /// Adds the prefix's bytes to `bytes`.
    package func append(to bytes: inout [UInt8]) {
        bytes += Self.magic
        Self.version.appendLittleEndian(to: &bytes)
        kind.rawValue.appendLittleEndian(to: &bytes)
        UInt32(headerByteCount).appendLittleEndian(to: &bytes)
        UInt64(rawByteCount).appendLittleEndian(to: &bytes)
    }
}

/// One whole frame as it came in: its kind, its header, the raw bytes after it.
package struct Frame: Hashable, Sendable {
    package let kind: FrameKind
    /// A protobuf message, or a `ChunkHeader`.
    package let header: [UInt8]
    /// Tensor bytes; empty for most kinds.
    package let raw: [UInt8]

    package init(kind: FrameKind, header: [UInt8], raw: [UInt8] = []) {
        self.kind = kind
        self.header = header
        self.raw = raw
    }

    /// The frame as it goes out.
    package func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FramePrefix.byteCount + header.count + raw.count)
        FramePrefix(kind: kind, headerByteCount: header.count, rawByteCount: raw.count).append(to: &bytes)
        bytes += header
        bytes += raw
        return bytes
    }
}
