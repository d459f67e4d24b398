//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to worker, both ways, first on a data link: which link this is.
///
/// TLS has said who speaks.
package struct LinkHello: WireMessage {
    static let kind = FrameKind.linkHello

    /// The run's name.
    package let runID: String
    /// The coordinator's, as the welcome said it: generations of two of its starts never mix.
    package let coordinatorIncarnation: UInt64
    /// The roster's generation.
    package let generation: Int
    /// The sender's worker rank.
    package let fromWorker: Int
    /// The receiver's worker rank.
    package let toWorker: Int

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(
        runID: String, coordinatorIncarnation: UInt64, generation: Int, fromWorker: Int, toWorker: Int
    ) throws(WireError) {
        let check = FieldChecks("LinkHello")
        try check.name("run_id", runID, 1...128)
        try check.integer("coordinator_incarnation", coordinatorIncarnation, 1...UInt64.max)
        try check.generation(generation)
        try check.integer("from_worker", fromWorker, 0...(FieldChecks.maximumMembers - 1))
        try check.integer("to_worker", toWorker, 0...(FieldChecks.maximumMembers - 1))
        guard fromWorker != toWorker else {
            throw check.error("to_worker", "worker \(toWorker) links to itself")
        }
        self.runID = runID
        self.coordinatorIncarnation = coordinatorIncarnation
        self.generation = generation
        self.fromWorker = fromWorker
        self.toWorker = toWorker
    }

    init(_ message: CLinkHello, raw: [UInt8]) throws(WireError) {
        try self.init(
            runID: FieldChecks("LinkHello").decodeText("run_id", message.run_id),
            coordinatorIncarnation: message.coordinator_incarnation,
            generation: Int(message.generation),
            fromWorker: Int(message.from_worker),
            toWorker: Int(message.to_worker))
    }

    func generated(_ arena: EncodingArena) -> CLinkHello {
        var message = CLinkHello.prepared()
        message.run_id = arena.text(runID)
        message.coordinator_incarnation = coordinatorIncarnation
        message.generation = UInt32(generation)
        message.from_worker = UInt32(fromWorker)
        message.to_worker = UInt32(toWorker)
        return message
    }

    /// The whole frame's bytes.
    package func encode() -> [UInt8] {
        frame().encode()
    }

    /// Reads a `linkHello` frame.
    /// - Throws: `WireError` for another kind of frame, for bytes that are no such message, for a field out of range.
    package init(decoding frame: Frame) throws(WireError) {
        try self.init(frame: frame)
    }
}
