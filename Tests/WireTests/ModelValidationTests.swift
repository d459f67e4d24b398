//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

private let digest = [UInt8](repeating: 7, count: 32)

@Suite("Fields out of their range are refused: model links")
struct ModelValidationTests {
    @Test("a model's manifest, whose names cannot lead out of a folder")
    func manifest() throws {
        func file(name: String = "config.json", count: Int = 1, digest: [UInt8] = digest) throws -> ModelManifest.File {
            try ModelManifest.File(name: name, byteCount: count, digest: digest)
        }
        for name in ["config.json", "model-00001-of-00002.safetensors", "a", String(repeating: "x", count: 128)] {
            #expect(try file(name: name).name == name)
        }
        for name in [
            "", ".", "..", ".bashrc", "../config.json", "a/b", "/etc/passwd", "a\\b", "a b", "a\0b", "a\nb", "\u{E4}",
            "config.json/", "~", "$HOME", "a*", String(repeating: "x", count: 129),
        ] {
            expectRefused("name") { try file(name: name) }
        }
        expectRefused("byte_count") { try file(count: 0) }
        expectRefused("byte_count") { try file(count: (1 << 44) + 1) }
        expectRefused("digest") { try file(digest: [1]) }
        let files = try (0..<4097).map { try file(name: "\($0)") }
        _ = try ModelManifest(fingerprint: digest, files: Array(files.dropLast()))
        expectRefused("files") { try ModelManifest(fingerprint: digest, files: files) }
        expectRefused("files") { try ModelManifest(fingerprint: digest, files: []) }
        expectRefused("files") { try ModelManifest(fingerprint: digest, files: [files[0], files[1], files[0]]) }
        expectRefused("fingerprint") { try ModelManifest(fingerprint: [], files: [files[0]]) }
    }

    @Test("requests and pieces")
    func pieces() throws {
        expectRefused("protocol_version") { try ModelRequest(protocolVersion: 0, build: "b") }
        expectRefused("build") { try ModelRequest(build: "") }
        expectRefused("build") { try ModelRequest(build: String(repeating: "x", count: 257)) }
        expectRefused("file") { try ModelPieceRequest(file: 4096, offset: 0, byteCount: 1) }
        expectRefused("file") { try ModelPieceRequest(file: -1, offset: 0, byteCount: 1) }
        expectRefused("offset") { try ModelPieceRequest(file: 0, offset: -1, byteCount: 1) }
        expectRefused("offset") { try ModelPieceRequest(file: 0, offset: (1 << 44) + 1, byteCount: 1) }
        expectRefused("byte_count") { try ModelPieceRequest(file: 0, offset: 0, byteCount: 0) }
        expectRefused("byte_count") { try ModelPieceRequest(file: 0, offset: 0, byteCount: (1 << 20) + 1) }
        _ = try ModelPiece(file: 0, offset: 0, bytes: Array(repeating: 1, count: 1 << 20))
        expectRefused("file") { try ModelPiece(file: 4096, offset: 0, bytes: [1]) }
        expectRefused("offset") { try ModelPiece(file: 0, offset: -1, bytes: [1]) }
        expectRefused("bytes") { try ModelPiece(file: 0, offset: 0, bytes: []) }
        expectRefused("bytes") { try ModelPiece(file: 0, offset: 0, bytes: Array(repeating: 1, count: (1 << 20) + 1)) }
        expectRefused("ahead") { try ModelQueue(ahead: -1) }
        expectRefused("ahead") { try ModelQueue(ahead: 65536) }
    }

    @Test("a model link carries nothing else, and no other link its messages")
    func places() {
        #expect(FrameLimits.joining[.modelRequest] != nil)
        for kind in FrameKind.allCases {
            #expect((FrameLimits.fromModelReader[kind] != nil) == (kind == .modelPieceRequest), "\(kind)")
            let served: Set<FrameKind> = [.modelManifest, .modelPiece, .modelQueue, .refusal]
            #expect((FrameLimits.fromModelServer[kind] != nil) == served.contains(kind), "\(kind)")
        }
        for kind in [FrameKind.modelRequest, .modelManifest, .modelPieceRequest, .modelPiece, .modelQueue] {
            #expect(FrameLimits.fromWorker[kind] == nil && FrameLimits.fromCoordinator[kind] == nil, "\(kind)")
        }
    }
}
