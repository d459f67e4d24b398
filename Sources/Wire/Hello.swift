//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator, first on a control link: who speaks, and whether it can compute what all others compute.
///
/// The worker's name is not in it: its certificate says it.
package struct Hello: WireMessage {
    /// The version of the messages that this program speaks.
    package static let currentProtocolVersion = 2

    static let kind = FrameKind.hello

    /// The version of the messages; see `currentProtocolVersion`.
    ///
    /// Decoding lets any through, to be refused in words.
    package let protocolVersion: Int
    /// The program's version.
    package let build: String
    /// How often this worker has started, from 1.
    package let incarnation: UInt64
    /// How many shards it computes at a time.
    package let slots: Int
    /// The machine's memory, in bytes.
    package let memoryByteCount: Int
    /// Where other workers reach its data port: "host:port".
    package let dataEndpoint: String
    /// SHA-256 of the numeric probe's results.
    package let numericProbe: [UInt8]
    /// What that sum depends on: processor, BLAS and its kernel.
    package let numericProbeDescription: String
    /// SHA-256 that identifies the base model's files.
    package let modelFingerprint: [UInt8]
    /// The machine's name, for people.
    package let hostName: String
    package let processID: Int
    /// The worker's clock, in nanoseconds since 1970.
    package let wallClockNanoseconds: Int

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(
        protocolVersion: Int = Hello.currentProtocolVersion, build: String, incarnation: UInt64, slots: Int,
        memoryByteCount: Int, dataEndpoint: String, numericProbe: [UInt8], numericProbeDescription: String,
        modelFingerprint: [UInt8], hostName: String, processID: Int, wallClockNanoseconds: Int
    ) throws(WireError) {
        let check = FieldChecks("Hello")
        try check.integer("protocol_version", protocolVersion, 1...65535)
        try check.text("build", build, 1...256)
        try check.integer("incarnation", incarnation, 1...UInt64.max)
        try check.integer("slots", slots, 1...4096)
        try check.integer("memory_bytes", memoryByteCount, 1...(1 << 60))
        try check.endpoint("data_endpoint", dataEndpoint)
        try check.digest("numeric_probe", numericProbe)
        try check.text("numeric_probe_description", numericProbeDescription, 1...1024)
        try check.digest("model_fingerprint", modelFingerprint)
        try check.text("host_name", hostName, 1...256)
        try check.integer("process_id", processID, 1...Int(Int32.max))
        try check.nanoseconds("wall_clock_ns", wallClockNanoseconds)
        self.protocolVersion = protocolVersion
        self.build = build
        self.incarnation = incarnation
        self.slots = slots
        self.memoryByteCount = memoryByteCount
        self.dataEndpoint = dataEndpoint
        self.numericProbe = numericProbe
        self.numericProbeDescription = numericProbeDescription
        self.modelFingerprint = modelFingerprint
        self.hostName = hostName
        self.processID = processID
        self.wallClockNanoseconds = wallClockNanoseconds
    }

    init(_ message: CHello, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Hello")
        try self.init(
            protocolVersion: Int(message.protocol_version),
            build: check.decodeText("build", message.build),
            incarnation: message.incarnation,
            slots: Int(message.slots),
            memoryByteCount: check.decodeInteger("memory_bytes", message.memory_bytes),
            dataEndpoint: check.decodeText("data_endpoint", message.data_endpoint),
            numericProbe: message.numeric_probe.bytes,
            numericProbeDescription: check.decodeText(
                "numeric_probe_description", message.numeric_probe_description),
            modelFingerprint: message.model_fingerprint.bytes,
            hostName: check.decodeText("host_name", message.host_name),
            processID: Int(message.process_id),
            wallClockNanoseconds: check.decodeInteger("wall_clock_ns", message.wall_clock_ns))
    }

    func generated(_ arena: EncodingArena) -> CHello {
        var message = CHello.prepared()
        message.protocol_version = UInt32(protocolVersion)
        message.build = arena.text(build)
        message.incarnation = incarnation
        message.slots = UInt32(slots)
        message.memory_bytes = UInt64(memoryByteCount)
        message.data_endpoint = arena.text(dataEndpoint)
        message.numeric_probe = arena.data(numericProbe)
        message.numeric_probe_description = arena.text(numericProbeDescription)
        message.model_fingerprint = arena.data(modelFingerprint)
        message.host_name = arena.text(hostName)
        message.process_id = UInt32(processID)
        message.wall_clock_ns = UInt64(wallClockNanoseconds)
        return message
    }
}
