//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Coordinator to worker: stream the state of a step for a checkpoint.
///
/// Answered by `Snapshot`.
package struct SnapshotRequest: WireMessage {
    static let kind = FrameKind.snapshotRequest

    /// The step whose state is asked for.
    package let step: Int

    /// - Throws: `WireError` with `badField` for a step that 32 bits do not hold.
    package init(step: Int) throws(WireError) {
        try FieldChecks("SnapshotRequest").id("step", step)
        self.step = step
    }

    init(_ message: CSnapshotRequest, raw: [UInt8]) throws(WireError) {
        try self.init(step: Int(message.step))
    }

    func generated(_ arena: EncodingArena) -> CSnapshotRequest {
        var message = CSnapshotRequest.prepared()
        message.step = UInt32(step)
        return message
    }
}

/// Worker to coordinator: the training state after a step.
package struct Snapshot: WireMessage {
    static let kind = FrameKind.snapshot

    /// The step whose state this is.
    package let step: Int
    /// SHA-256 of the state.
    ///
    /// The receiver compares it; this module does not compute it.
    package let digest: [UInt8]
    /// The state in the format of the checkpoint's state file.
    ///
    /// It travels as raw bytes.
    package let state: [UInt8]

    var raw: [UInt8] {
        state
    }

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states, or an empty state.
    package init(step: Int, digest: [UInt8], state: [UInt8]) throws(WireError) {
        let check = FieldChecks("Snapshot")
        try check.id("step", step)
        try check.digest("digest", digest)
        try check.integer("state", state.count, 1...Self.kind.limit.rawByteCount)
        self.step = step
        self.digest = digest
        self.state = state
    }

    init(_ message: CSnapshot, raw: [UInt8]) throws(WireError) {
        try self.init(step: Int(message.step), digest: message.digest.bytes, state: raw)
    }

    func generated(_ arena: EncodingArena) -> CSnapshot {
        var message = CSnapshot.prepared()
        message.step = UInt32(step)
        message.digest = arena.data(digest)
        return message
    }
}
