//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Coordinator to worker: stop generation g, close its data links, commit nothing of it or before.
package struct Halt: WireMessage {
    static let kind = FrameKind.halt

    /// The generation that ends.
    package let generation: Int

    /// - Throws: `WireError` with `badField` for a generation of 0.
    package init(generation: Int) throws(WireError) {
        try FieldChecks("Halt").generation(generation)
        self.generation = generation
    }

    init(_ message: CHalt, raw: [UInt8]) throws(WireError) {
        try self.init(generation: Int(message.generation))
    }

    func generated(_ arena: EncodingArena) -> CHalt {
        var message = CHalt.prepared()
        message.generation = UInt32(generation)
        return message
    }
}

/// Worker to coordinator: nothing of this generation will be committed any more.
package struct Halted: WireMessage {
    static let kind = FrameKind.halted

    /// The generation that ended.
    package let generation: Int
    /// The last step that this worker committed.
    package let step: Int
    /// SHA-256 of its state after that step; empty if it holds none.
    package let digest: [UInt8]

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(generation: Int, step: Int, digest: [UInt8]) throws(WireError) {
        let check = FieldChecks("Halted")
        try check.generation(generation)
        try check.id("step", step)
        if !digest.isEmpty {
            try check.digest("digest", digest)
        }
        self.generation = generation
        self.step = step
        self.digest = digest
    }

    init(_ message: CHalted, raw: [UInt8]) throws(WireError) {
        try self.init(
            generation: Int(message.generation), step: Int(message.step), digest: message.digest.bytes)
    }

    func generated(_ arena: EncodingArena) -> CHalted {
        var message = CHalted.prepared()
        message.generation = UInt32(generation)
        message.step = UInt32(step)
        message.digest = arena.data(digest)
        return message
    }
}
