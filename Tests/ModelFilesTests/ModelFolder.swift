//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation
import ModelFiles
import Testing

/// A folder with files that could be a model's, and a folder for a cache, both gone afterwards.
struct ModelFolder {
    let folder: String
    var model: String { folder + "/model" }
    var cache: String { folder + "/cache" }
    let weights = ["model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"]
    let fingerprint = Digest(of: [UInt8(1)])

    static func with(_ body: (ModelFolder) throws -> Void) throws {
        let folder = ModelFolder(folder: NSTemporaryDirectory() + "/model-files-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.folder) }
        try SystemFile.createFolder(folder.model)
        for (place, name) in (["config.json"] + folder.weights).enumerated() {
            try AtomicFile.write((0..<100 * (place + 1)).map { UInt8($0 % 251) }, to: folder.model + "/" + name)
        }
        try body(folder)
    }

    func listing() throws -> ModelListing {
        try ModelListing(folder: model, weights: weights, fingerprint: fingerprint)
    }

    /// Appends what is missing, in pieces of 64 bytes; ends with an error after `limit` of them.
    func fill(_ partial: PartialModel, limit: Int = .max, change: ([UInt8]) -> [UInt8] = { $0 }) throws {
        var count = 0
        for piece in partial.missingPieces(ofAtMost: 64) {
            guard count < limit else { throw Torn() }
            count += 1
            let file = try #require(try AtomicFile.read(model + "/" + partial.listing.files[piece.file].name))
            try partial.append(change(Array(file[piece.offset..<piece.offset + piece.byteCount])), to: piece.file)
        }
    }

    struct Torn: Error {}
}

/// The code of the error that `body` must throw.
func code(_ body: () throws -> Void) -> ModelFilesError.Code? {
    do {
        try body()
        return nil
    } catch let error as ModelFilesError {
        return error.code
    } catch {
        Issue.record("\(error)")
        return nil
    }
}
