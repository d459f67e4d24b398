//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator, first on a model link: asks which model the run trains.
///
/// Answered by `ModelManifest` or `Refusal`.
package struct ModelRequest: WireMessage {
    static let kind = FrameKind.modelRequest

    /// The version of the messages; see `Hello.currentProtocolVersion`.
    package let protocolVersion: Int
    /// The worker's build.
    package let build: String

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(protocolVersion: Int = Hello.currentProtocolVersion, build: String) throws(WireError) {
        let check = FieldChecks("ModelRequest")
        try check.integer("protocol_version", protocolVersion, 1...65535)
        try check.text("build", build, 1...256)
        self.protocolVersion = protocolVersion
        self.build = build
    }

    init(_ message: CModelRequest, raw: [UInt8]) throws(WireError) {
        try self.init(
            protocolVersion: Int(message.protocol_version),
            build: FieldChecks("ModelRequest").decodeText("build", message.build))
    }

    func generated(_ arena: EncodingArena) -> CModelRequest {
        var message = CModelRequest.prepared()
        message.protocol_version = UInt32(protocolVersion)
        message.build = arena.text(build)
        return message
    }
}

/// Coordinator to worker: the base model as the coordinator has it.
package struct ModelManifest: WireMessage {
    /// One file of a model folder.
    package struct File: Hashable, Sendable {
        /// Letters, digits, '.', '_' and '-', not beginning with '.': it cannot lead out of a folder.
        package let name: String
        /// How long it is, in bytes.
        package let byteCount: Int
        /// SHA-256 of its bytes.
        package let digest: [UInt8]

        /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
        package init(name: String, byteCount: Int, digest: [UInt8]) throws(WireError) {
            let check = FieldChecks("ModelFile")
            try check.text("name", name, 1...128)
            let allowed = name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
            guard allowed, !name.hasPrefix(".") else {
                throw check.error(
                    "name", "expected letters, digits, '.', '_' and '-', not beginning with '.', found \"\(name)\"")
            }
            try check.integer("byte_count", byteCount, 1...ModelManifest.maximumFileByteCount)
            try check.digest("digest", digest)
            self.name = name
            self.byteCount = byteCount
            self.digest = digest
        }
    }

    static let kind = FrameKind.modelManifest
    /// The most files of a model.
    package static let maximumFiles = 4096
    /// The longest file, in bytes.
    package static let maximumFileByteCount = 1 << 44

    /// The model's fingerprint.
    package let fingerprint: [UInt8]
    /// The files that make it up, none twice.
    package let files: [File]

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(fingerprint: [UInt8], files: [File]) throws(WireError) {
        let check = FieldChecks("ModelManifest")
        try check.digest("fingerprint", fingerprint)
        try check.count("files", files.count, 1...Self.maximumFiles)
        var seen: Set<String> = []
        for file in files where !seen.insert(file.name).inserted {
            throw check.error("files", "\(file.name) comes twice")
        }
        self.fingerprint = fingerprint
        self.files = files
    }

    init(_ message: CModelManifest, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("ModelManifest")
        let files = try check.decodeMessages("files", message.files, message.n_files) { file throws(WireError) in
            let check = FieldChecks("ModelFile")
            return try File(
                name: check.decodeText("name", file.name),
                byteCount: check.decodeInteger("byte_count", file.byte_count), digest: file.digest.bytes)
        }
        try self.init(fingerprint: message.fingerprint.bytes, files: files)
    }

    func generated(_ arena: EncodingArena) -> CModelManifest {
        var message = CModelManifest.prepared()
        message.fingerprint = arena.data(fingerprint)
        message.n_files = files.count
        message.files = arena.messages(
            files.map { file in
                var message = CModelFile.prepared()
                message.name = arena.text(file.name)
                message.byte_count = UInt64(file.byteCount)
                message.digest = arena.data(file.digest)
                return message
            })
        return message
    }
}
