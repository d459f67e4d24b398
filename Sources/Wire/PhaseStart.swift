//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// What the run is doing.
///
/// The raw values are those of proto/.
package enum Phase: UInt32, CaseIterable, Sendable {
    /// A LoRA on every layer, trained on a sample; ends with the layers' importance.
    case probe = 1
    /// The training proper, with the layers that the decision kept.
    case fineTune = 2

    init(_ value: Loradrop__Wire__V1__Phase, of check: FieldChecks) throws(WireError) {
        guard let phase = Phase(rawValue: UInt32(value.rawValue)) else {
            throw check.error("phase", "no phase has number \(value.rawValue)")
        }
        self = phase
    }

    var generated: Loradrop__Wire__V1__Phase {
        .init(rawValue: .init(rawValue))
    }
}

/// Coordinator to worker: a phase begins or is re-entered.
///
/// Answered by `PhaseReady`.
package struct PhaseStart: WireMessage {
    /// Who trains a target projection.
    ///
    /// The raw values are those of proto/.
    package enum AdapterOwner: UInt32, CaseIterable, Sendable {
        /// Nobody: the projection has no LoRA.
        case absent = 0
        /// A LoRA of its own.
        case own = 1
        /// The LoRA shared by all such projections of one name.
        case shared = 2
    }

    static let kind = FrameKind.phaseStart

    package let phase: Phase
    /// How many optimiser steps the phase has.
    package let totalSteps: Int
    /// How many of them are done.
    package let startStep: Int
    /// For each target projection, in the adapter's order.
    package let adapterOwners: [AdapterOwner]
    /// SHA-256 of the state at `startStep`; empty when there is no state.
    package let stateDigest: [UInt8]
    /// The training state in the format of the checkpoint's state file; empty: initialise from the seed.
    package let state: [UInt8]

    var raw: [UInt8] {
        state
    }

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states, or a state without digest.
    package init(
        phase: Phase, totalSteps: Int, startStep: Int, adapterOwners: [AdapterOwner],
        stateDigest: [UInt8] = [], state: [UInt8] = []
    ) throws(WireError) {
        let check = FieldChecks("PhaseStart")
        try check.id("total_steps", totalSteps)
        try check.integer("start_step", startStep, 0...max(totalSteps, 0))
        try check.count("adapter_owner", adapterOwners.count, 1...FieldChecks.maximumProjections)
        try check.integer("state", state.count, 0...Self.kind.limit.rawByteCount)
        if state.isEmpty {
            try check.count("state_digest", stateDigest.count, 0...0)
        } else {
            try check.digest("state_digest", stateDigest)
        }
        self.phase = phase
        self.totalSteps = totalSteps
        self.startStep = startStep
        self.adapterOwners = adapterOwners
        self.stateDigest = stateDigest
        self.state = state
    }

    init(_ message: CPhaseStart, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("PhaseStart")
        var owners: [AdapterOwner] = []
        for number in [UInt32](copying: message.adapter_owner, count: message.n_adapter_owner) {
            guard let owner = AdapterOwner(rawValue: number) else {
                throw check.error("adapter_owner", "expected 0, 1 or 2, found \(number)")
            }
            owners.append(owner)
        }
        try self.init(
            phase: Phase(message.phase, of: check),
            totalSteps: Int(message.total_steps),
            startStep: Int(message.start_step),
            adapterOwners: owners,
            stateDigest: message.state_digest.bytes,
            state: raw)
    }

    func generated(_ arena: EncodingArena) -> CPhaseStart {
        var message = CPhaseStart.prepared()
        message.phase = phase.generated
        message.total_steps = UInt32(totalSteps)
        message.start_step = UInt32(startStep)
        message.n_adapter_owner = adapterOwners.count
        message.adapter_owner = arena.array(adapterOwners.map(\.rawValue))
        message.state_digest = arena.data(stateDigest)
        return message
    }
}

/// Worker to coordinator: the state is in place.
package struct PhaseReady: WireMessage {
    static let kind = FrameKind.phaseReady

    /// The step at which the worker stands.
    package let step: Int
    /// SHA-256 of its state.
    package let digest: [UInt8]

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(step: Int, digest: [UInt8]) throws(WireError) {
        let check = FieldChecks("PhaseReady")
        try check.id("step", step)
        try check.digest("digest", digest)
        self.step = step
        self.digest = digest
    }

    init(_ message: CPhaseReady, raw: [UInt8]) throws(WireError) {
        try self.init(step: Int(message.step), digest: message.digest.bytes)
    }

    func generated(_ arena: EncodingArena) -> CPhaseReady {
        var message = CPhaseReady.prepared()
        message.step = UInt32(step)
        message.digest = arena.data(digest)
        return message
    }
}
