//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator: this worker cannot go on with what it was asked.
package struct Failure: WireMessage {
    /// What went wrong.
    ///
    /// The raw values are those of proto/.
    package enum Code: UInt32, CaseIterable, Sendable {
        /// A broken invariant of the worker's own.
        case `internal` = 1
        /// A value does not fit the fixed-point format.
        case overflow = 2
        /// A value is infinite or not a number.
        case notFinite = 3
        /// Another worker's data link closed or broke.
        case peerLost = 4
        /// Something awaited did not come in time.
        case deadline = 5
        /// A peer sent what the protocol does not allow.
        case `protocol` = 6
        /// The base model or the configuration cannot be used.
        case setup = 7
        /// The system refused memory, a file or a socket.
        case system = 8
        /// A shard was not counted exactly once.
        case miscounted = 9
    }

    static let kind = FrameKind.failure
    /// The longest message, in bytes of UTF-8.
    package static let maximumMessageByteCount = 4096

    package let code: Code
    /// Expected, found, where, what to try.
    package let message: String
    /// The phase it happened in; none before the first.
    package let phase: Phase?
    /// The step it happened in.
    package let step: Int
    /// The shard's index within the step, if it is one shard's failure.
    package let shard: Int?
    /// The tensor's name, or empty.
    package let tensor: String
    /// The other worker's name if it is about a data link, or empty.
    package let peer: String
    /// The places in the roster of those with whom there is no data link, ascending, when links did not come about.
    package let unlinked: [Int]

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(
        code: Code, message: String, phase: Phase? = nil, step: Int = 0, shard: Int? = nil, tensor: String = "",
        peer: String = "", unlinked: [Int] = []
    ) throws(WireError) {
        let check = FieldChecks("Failure")
        try check.text("message", message, 1...Self.maximumMessageByteCount)
        try check.id("step", step)
        try check.integer("shard", shard ?? 0, 0...(FieldChecks.maximumShards - 1))
        try check.text("tensor", tensor, 0...512)
        try check.name("peer", peer, 0...128)
        try check.count("unlinked", unlinked.count, 0...(FieldChecks.maximumMembers - 1))
        try check.ascending("unlinked", unlinked)
        for place in [unlinked.first, unlinked.last].compactMap(\.self) {
            try check.integer("unlinked", place, 0...(FieldChecks.maximumMembers - 1))
        }
        self.code = code
        self.message = message
        self.phase = phase
        self.step = step
        self.shard = shard
        self.tensor = tensor
        self.peer = peer
        self.unlinked = unlinked
    }

    init(_ message: CFailure, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Failure")
        guard let code = Code(rawValue: UInt32(message.code.rawValue)) else {
            throw check.error("code", "no failure has code \(message.code.rawValue)")
        }
        let phase = message.phase.rawValue == 0 ? nil : try Phase(message.phase, of: check)
        try self.init(
            code: code,
            message: check.decodeText("message", message.message),
            phase: phase,
            step: Int(message.step),
            shard: message.place_case == LORADROP__WIRE__V1__FAILURE__PLACE_SHARD ? Int(message.shard) : nil,
            tensor: check.decodeText("tensor", message.tensor),
            peer: check.decodeText("peer", message.peer),
            unlinked: [Int](widening: message.unlinked, count: message.n_unlinked))
    }

    func generated(_ arena: EncodingArena) -> CFailure {
        var message = CFailure.prepared()
        message.code = .init(rawValue: .init(code.rawValue))
        message.message = arena.text(self.message)
        if let phase {
            message.phase = phase.generated
        }
        message.step = UInt32(step)
        if let shard {
            message.place_case = LORADROP__WIRE__V1__FAILURE__PLACE_SHARD
            message.shard = UInt32(shard)
        }
        message.tensor = arena.text(tensor)
        message.peer = arena.text(peer)
        message.unlinked = arena.array(unlinked.map { UInt32($0) })
        message.n_unlinked = unlinked.count
        return message
    }
}

/// Both ways, the last message of a control link.
package struct Farewell: WireMessage {
    /// Why the connection ends.
    ///
    /// The raw values are those of proto/.
    package enum Reason: UInt32, CaseIterable, Sendable {
        /// Coordinator: the run has finished and everything is written.
        case finished = 1
        /// Coordinator: the run has failed.
        case failed = 2
        /// Either: the user stopped it, state is saved.
        case stopped = 3
        /// Worker: it leaves a run that goes on.
        case leaving = 4
    }

    static let kind = FrameKind.farewell

    package let reason: Reason
    /// The reason for people, or empty.
    package let message: String
    /// The exit code with which the receiver, a worker, is to end; 0 from a worker.
    package let exitCode: Int

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(reason: Reason, message: String = "", exitCode: Int = 0) throws(WireError) {
        let check = FieldChecks("Farewell")
        try check.text("message", message, 0...4096)
        try check.integer("exit_code", exitCode, 0...255)
        self.reason = reason
        self.message = message
        self.exitCode = exitCode
    }

    init(_ message: CFarewell, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Farewell")
        guard let reason = Reason(rawValue: UInt32(message.reason.rawValue)) else {
            throw check.error("reason", "no farewell has reason \(message.reason.rawValue)")
        }
        try self.init(
            reason: reason,
            message: check.decodeText("message", message.message),
            exitCode: Int(message.exit_code))
    }

    func generated(_ arena: EncodingArena) -> CFarewell {
        var message = CFarewell.prepared()
        message.reason = .init(rawValue: .init(reason.rawValue))
        message.message = arena.text(self.message)
        message.exit_code = UInt32(exitCode)
        return message
    }
}
