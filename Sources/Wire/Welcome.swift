//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Coordinator to worker: the hello was accepted.
package struct Welcome: WireMessage {
    static let kind = FrameKind.welcome

    /// The run's name, also in `LinkHello`.
    package let runID: String
    /// How often this run's coordinator has started, from 1; a worker refuses a lower one than it has seen.
    package let coordinatorIncarnation: UInt64
    /// The run's whole configuration as canonical YAML.
    package let configuration: String
    /// How many outputs the task head has: classes, or 1 for a regression.
    package let labelCount: Int

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(
        runID: String, coordinatorIncarnation: UInt64, configuration: String, labelCount: Int
    ) throws(WireError) {
        let check = FieldChecks("Welcome")
        try check.name("run_id", runID, 1...128)
        try check.integer("coordinator_incarnation", coordinatorIncarnation, 1...UInt64.max)
        try check.text("configuration", configuration, 1...(256 << 10))
        try check.integer("label_count", labelCount, 1...FieldChecks.maximumLabels)
        self.runID = runID
        self.coordinatorIncarnation = coordinatorIncarnation
        self.configuration = configuration
        self.labelCount = labelCount
    }

    init(_ message: CWelcome, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Welcome")
        try self.init(
            runID: check.decodeText("run_id", message.run_id),
            coordinatorIncarnation: message.coordinator_incarnation,
            configuration: check.decodeText("configuration", message.configuration),
            labelCount: Int(message.label_count))
    }

    func generated(_ arena: EncodingArena) -> CWelcome {
        var message = CWelcome.prepared()
        message.run_id = arena.text(runID)
        message.coordinator_incarnation = coordinatorIncarnation
        message.configuration = arena.text(configuration)
        message.label_count = UInt32(labelCount)
        return message
    }
}

/// Coordinator to worker: the hello was refused; the connection is closed after it.
package struct Refusal: WireMessage {
    /// Why.
    ///
    /// The raw values are those of proto/.
    package enum Code: UInt32, CaseIterable, Sendable {
        case protocolVersion = 1
        case numericProbe = 2
        case modelFingerprint = 3
        case nameInUse = 4
        case staleIncarnation = 5
        case noPlace = 6
        case runOver = 7
        case setAside = 8
        case distrusted = 9
    }

    static let kind = FrameKind.refusal

    package let code: Code
    /// Expected, found, what to do.
    package let message: String

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(code: Code, message: String) throws(WireError) {
        try FieldChecks("Refusal").text("message", message, 1...4096)
        self.code = code
        self.message = message
    }

    init(_ message: CRefusal, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Refusal")
        guard let code = Code(rawValue: UInt32(message.code.rawValue)) else {
            throw check.error("code", "no refusal has code \(message.code.rawValue)")
        }
        try self.init(code: code, message: check.decodeText("message", message.message))
    }

    func generated(_ arena: EncodingArena) -> CRefusal {
        var message = CRefusal.prepared()
        message.code = .init(rawValue: .init(code.rawValue))
        message.message = arena.text(self.message)
        return message
    }
}
