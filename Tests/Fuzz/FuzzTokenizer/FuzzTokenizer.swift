//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tokenizers

// A model folder's tokenizer files, and a text that the tokenizer they describe encodes.
//
// The input is cut at its first bytes 0x00: tokenizer.json or vocab.txt (the first byte chooses), then
// tokenizer_config.json if not empty, then the text.

/// Keeps what was read from being optimised away.
nonisolated(unsafe) private var total = 0

/// `FUZZ_SCRATCH`, an empty folder, in memory if possible: every input becomes files in it.
private let folder = URL(
    fileURLWithPath: ProcessInfo.processInfo.environment["FUZZ_SCRATCH"] ?? FileManager.default.temporaryDirectory.path)

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzTokenizer(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let choice = input.first else {
        return 0
    }
    let parts = input.dropFirst().split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    let isDescription = choice % 2 == 0
    do {
        try put(parts[0], in: isDescription ? "tokenizer.json" : "vocab.txt")
        try remove(isDescription ? "vocab.txt" : "tokenizer.json")
        if parts.count > 1, !parts[1].isEmpty {
            try put(parts[1], in: "tokenizer_config.json")
        } else {
            try remove("tokenizer_config.json")
        }
    } catch {
        preconditionFailure("the fuzzer cannot write to \(folder.path): \(error)")
    }
    do {
        let tokenizer = try TokenizerFolder.load(folder)
        let text = parts.count > 2 ? String(decoding: parts[2], as: UTF8.self) : "a b"
        for length in [1, 2, 3, 8, 512] {
            do {
                let encoding = try tokenizer.encode(text, pair: choice & 2 == 0 ? nil : text, maximumLength: length)
                precondition(
                    encoding.tokenIDs.count <= length && encoding.tokenIDs.count == encoding.tokenTypeIDs.count
                        && encoding.tokenIDs.allSatisfy { $0 >= 0 },
                    "\(encoding) of at most \(length)")
                total &+= encoding.tokenIDs.count
            } catch let error as TokenizerError {
                total &+= error.description.utf8.count
            }
        }
    } catch let error as TokenizerError {
        total &+= error.description.utf8.count
    } catch {
        preconditionFailure("an error of another type: \(error)")
    }
    return 0
}

private func put(_ bytes: ArraySlice<UInt8>, in name: String) throws {
    try Data(bytes).write(to: folder.appendingPathComponent(name))
}

private func remove(_ name: String) throws {
    let path = folder.appendingPathComponent(name).path
    if FileManager.default.fileExists(atPath: path) {
        try FileManager.default.removeItem(atPath: path)
    }
}
