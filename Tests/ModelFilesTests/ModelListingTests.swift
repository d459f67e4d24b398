//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation
import ModelFiles
import Testing

@Suite("The files of a model")
struct ModelListingTests {
    private func file(_ name: String, _ byteCount: Int = 1) -> ModelListing.File {
        ModelListing.File(name: name, byteCount: byteCount, digest: Digest(of: [UInt8(2)]))
    }

    private func refusal(_ names: [String]) -> ModelFilesError.Code? {
        code { _ = try ModelListing(fingerprint: Digest(of: [UInt8(1)]), files: names.map { file($0) }) }
    }

    @Test("a listing has config.json, weights, perhaps an index, and nothing else")
    func names() {
        #expect(refusal(["config.json", "model.safetensors"]) == nil)
        #expect(refusal(["a.safetensors", "config.json", "model.safetensors.index.json", "b.safetensors"]) == nil)
        #expect(refusal(["model.safetensors"]) == .badListing)
        #expect(refusal(["config.json", "model.safetensors.index.json"]) == .badListing)
        #expect(refusal(["config.json", "model.safetensors", "model.safetensors"]) == .badListing)
        for name in [
            "tokenizer.json", "pytorch_model.bin", "../model.safetensors", "/etc/x.safetensors", "a/b.safetensors",
            ".safetensors", "..safetensors", "", "config.json/..", "a\0.safetensors", "run.sh",
        ] {
            #expect(refusal(["config.json", "model.safetensors", name]) == .badListing, "\(name)")
        }
        #expect(
            code {
                _ = try ModelListing(
                    fingerprint: Digest(of: [UInt8(1)]), files: [file("config.json", 0), file("model.safetensors")])
            } == .badListing)
    }

    @Test("the sum of a listing follows every name, length, digest and the fingerprint, but no order")
    func digest() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            #expect(listing.byteCount == 1000)
            let turned = try ModelListing(fingerprint: listing.fingerprint, files: listing.files.reversed())
            #expect(turned == listing && turned.digest == listing.digest)
            var others: Set<Digest> = [listing.digest]
            others.insert(try ModelListing(fingerprint: Digest(of: [UInt8(9)]), files: listing.files).digest)
            for place in listing.files.indices {
                let old = listing.files[place]
                for new in [
                    ModelListing.File(name: old.name, byteCount: old.byteCount + 1, digest: old.digest),
                    ModelListing.File(name: old.name, byteCount: old.byteCount, digest: Digest(of: [UInt8(9)])),
                    ModelListing.File(name: "x\(place).safetensors", byteCount: old.byteCount, digest: old.digest),
                ] where new.name.hasPrefix("x") == false || old.name.hasPrefix("model-") {
                    var files = listing.files
                    files[place] = new
                    others.insert(try ModelListing(fingerprint: listing.fingerprint, files: files).digest)
                }
            }
            #expect(others.count == 2 + 4 * 2 + 2)
        }
    }

    @Test("a folder is a listing's if every file has its length and its bytes")
    func isIn() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            #expect(try listing.isIn(folder.model))
            #expect(try !listing.isIn(folder.folder))
            for name in ["config.json"] + folder.weights {
                let path = folder.model + "/" + name
                let bytes = try #require(try AtomicFile.read(path))
                for damaged in [bytes + [0], Array(bytes.dropLast()), [bytes[0] ^ 1] + bytes.dropFirst()] {
                    try AtomicFile.write(damaged, to: path)
                    #expect(try !listing.isIn(folder.model))
                }
                try FileManager.default.removeItem(atPath: path)
                #expect(try !listing.isIn(folder.model))
                try AtomicFile.write(bytes, to: path)
                #expect(try listing.isIn(folder.model))
            }
        }
    }
}
