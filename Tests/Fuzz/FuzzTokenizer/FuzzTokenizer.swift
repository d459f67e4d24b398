//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tokenizers

// A model folder's tokenizer files, and a text that the tokenizer they describe encodes and decodes.
//
// The first byte's bits choose: 1 vocab.txt instead of tokenizer.json, 2 a pair of texts, 4 special_tokens_map.json instead
// of tokenizer_config.json, 8 added_tokens.json too. The rest is cut at its first two bytes 0x00: the first of those files,
// then the second if not empty, then the text.

/// Keeps what was read from being optimised away.
nonisolated(unsafe) private var total = 0

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzTokenizer(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let choice = input.first else {
        return 0
    }
    let parts = input.dropFirst().split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    var contents = [choice % 2 == 0 ? "tokenizer.json" : "vocab.txt": Array(parts[0])]
    if parts.count > 1, !parts[1].isEmpty {
        contents[choice & 4 == 0 ? "tokenizer_config.json" : "special_tokens_map.json"] = Array(parts[1])
        if choice & 8 != 0 { contents["added_tokens.json"] = Array(parts[1]) }
    }
    do {
        let tokenizer = try TokenizerFiles(folder: "input", contents: contents).tokenizer()
        let text = parts.count > 2 ? String(decoding: parts[2], as: UTF8.self) : "a b"
        let named = [tokenizer.startTokenID, tokenizer.endTokenID, tokenizer.tokenID(of: text)].compactMap { $0 }
        precondition(
            (named + tokenizer.tokenIDs(of: text)).allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize },
            "ids of \"\(text)\" beside a vocabulary of \(tokenizer.vocabularySize)")
        for length in [1, 2, 3, 8, 512] {
            do {
                let encoding = try tokenizer.encode(text, pair: choice & 2 == 0 ? nil : text, maximumLength: length)
                precondition(
                    encoding.tokenIDs.count <= length && encoding.tokenIDs.count == encoding.tokenTypeIDs.count
                        && encoding.tokenIDs.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize },
                    "\(encoding) of at most \(length)")
                total &+= encoding.tokenIDs.count
                var stream = tokenizer.textStream(skippingSpecialTokens: choice & 2 == 0)
                let decoded = encoding.tokenIDs.map { stream.append($0) }.joined() + stream.finish()
                precondition(
                    decoded == tokenizer.decode(encoding.tokenIDs, skippingSpecialTokens: choice & 2 == 0),
                    "\(decoded) is not what \(encoding.tokenIDs) decode to")
                let strangers: [Int32] = [-1, 0, .max] + (0..<40)
                total &+= tokenizer.decode(strangers, skippingSpecialTokens: false).utf8.count
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
