//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator: a part of a model's file is wanted.
///
/// Answered by `ModelPiece`, in the order of the requests.
package struct ModelPieceRequest: WireMessage {
    static let kind = FrameKind.modelPieceRequest
    /// The most requests of a link that may be unanswered.
    package static let maximumUnanswered = 8

    /// The file's place in the manifest.
    package let file: Int
    /// Where the part begins, in bytes.
    package let offset: Int
    /// How long it is, in bytes.
    package let byteCount: Int

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(file: Int, offset: Int, byteCount: Int) throws(WireError) {
        let check = FieldChecks("ModelPieceRequest")
        try check.integer("file", file, 0...(ModelManifest.maximumFiles - 1))
        try check.integer("offset", offset, 0...ModelManifest.maximumFileByteCount)
        try check.integer("byte_count", byteCount, 1...ModelPiece.maximumByteCount)
        self.file = file
        self.offset = offset
        self.byteCount = byteCount
    }

    init(_ message: CModelPieceRequest, raw: [UInt8]) throws(WireError) {
        try self.init(
            file: Int(message.file),
            offset: FieldChecks("ModelPieceRequest").decodeInteger("offset", message.offset),
            byteCount: Int(message.byte_count))
    }

    func generated(_ arena: EncodingArena) -> CModelPieceRequest {
        var message = CModelPieceRequest.prepared()
        message.file = UInt32(file)
        message.offset = UInt64(offset)
        message.byte_count = UInt32(byteCount)
        return message
    }
}

/// Coordinator to worker: a part of a model's file.
package struct ModelPiece: WireMessage {
    static let kind = FrameKind.modelPiece
    /// The longest part, in bytes.
    package static let maximumByteCount = 1 << 20

    /// The file's place in the manifest.
    package let file: Int
    /// Where the part begins, in bytes.
    package let offset: Int
    /// The part.
    ///
    /// It travels as raw bytes.
    package let bytes: [UInt8]

    var raw: [UInt8] {
        bytes
    }

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states, or an empty part.
    package init(file: Int, offset: Int, bytes: [UInt8]) throws(WireError) {
        let check = FieldChecks("ModelPiece")
        try check.integer("file", file, 0...(ModelManifest.maximumFiles - 1))
        try check.integer("offset", offset, 0...ModelManifest.maximumFileByteCount)
        try check.integer("bytes", bytes.count, 1...Self.maximumByteCount)
        self.file = file
        self.offset = offset
        self.bytes = bytes
    }

    init(_ message: CModelPiece, raw: [UInt8]) throws(WireError) {
        try self.init(
            file: Int(message.file), offset: FieldChecks("ModelPiece").decodeInteger("offset", message.offset),
            bytes: raw)
    }

    func generated(_ arena: EncodingArena) -> CModelPiece {
        var message = CModelPiece.prepared()
        message.file = UInt32(file)
        message.offset = UInt64(offset)
        return message
    }
}

/// Coordinator to worker: others come first.
package struct ModelQueue: WireMessage {
    static let kind = FrameKind.modelQueue

    /// How many.
    package let ahead: Int

    /// - Throws: `WireError` with `badField` for a number out of the range that proto/ states.
    package init(ahead: Int) throws(WireError) {
        try FieldChecks("ModelQueue").integer("ahead", ahead, 0...65535)
        self.ahead = ahead
    }

    init(_ message: CModelQueue, raw: [UInt8]) throws(WireError) {
        try self.init(ahead: Int(message.ahead))
    }

    func generated(_ arena: EncodingArena) -> CModelQueue {
        var message = CModelQueue.prepared()
        message.ahead = UInt32(ahead)
        return message
    }
}
