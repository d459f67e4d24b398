//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import Tokenizers

@Suite("Byte-pair tokens as Hugging Face tokenizers makes them")
struct BytePairTests {
    @Test(
        "every configuration gives Hugging Face's ids, types and truncation",
        arguments: try KnownBytePairs.all.get().configurations)
    func knownAnswers(_ known: KnownBytePairs.Configuration) throws {
        let tokenizer = try tokenizer(["tokenizer.json": try KnownBytePairs.description(known)])
        #expect(known.cases.count > 100)
        for example in known.cases {
            let encoding = try tokenizer.encode(
                example.texts[0], pair: example.texts.count == 2 ? example.texts[1] : nil,
                maximumLength: example.length ?? .max)
            let expected = Encoding(
                tokenIDs: example.ids, tokenTypeIDs: example.types ?? example.ids.map { _ in 0 },
                wasTruncated: example.truncated)
            #expect(encoding == expected, "\(known.name): \(example.texts) within \(example.length ?? -1)")
        }
    }

    @Test(
        "ids decode to Hugging Face's text, at once and one by one",
        arguments: try KnownBytePairs.all.get().configurations)
    func decoding(_ known: KnownBytePairs.Configuration) throws {
        let tokenizer = try tokenizer(["tokenizer.json": try KnownBytePairs.description(known)])
        #expect(known.decoded.count > 100)
        for example in known.decoded {
            #expect(
                Array(tokenizer.decode(example.ids, skippingSpecialTokens: false).utf8) == Array(example.text.utf8),
                "\(known.name): \(example.ids)")
            #expect(
                Array(tokenizer.decode(example.ids, skippingSpecialTokens: true).utf8) == Array(example.plain.utf8),
                "\(known.name), without special tokens: \(example.ids)")
        }
    }

    @Test(
        "words of ten thousand characters give Hugging Face's ids",
        arguments: try KnownBytePairs.all.get().configurations.filter { !$0.long.isEmpty })
    func longWords(_ known: KnownBytePairs.Configuration) throws {
        let tokenizer = try tokenizer(["tokenizer.json": try KnownBytePairs.description(known)])
        #expect(known.long.count == KnownBytePairs.longTexts.count)
        for example in known.long {
            let ids = tokenizer.tokenIDs(of: try #require(KnownBytePairs.longTexts[example.name]))
            let checksum = ids.reduce(0) { ($0 * 31 + Int($1) + 1) % 1_000_000_007 }
            #expect(ids.count == example.count && checksum == example.checksum, "\(known.name): \(example.name)")
        }
    }

    @Test("a character whose bytes come one by one is put out when it is complete, and never taken back")
    func streaming() throws {
        let llama = try tokenizer(["tokenizer.json": try KnownBytePairs.description(named: "Llama 3")])
        var stream = llama.textStream(skippingSpecialTokens: true)
        // The euro sign's three bytes in the byte alphabet, then the first byte of another.
        let ids = try ["\u{E2}", "\u{124}", "\u{AC}", "\u{E2}"].map { try #require(llama.tokenID(of: $0)) }
        #expect(ids.map { stream.append($0) } == ["", "", "\u{20AC}", ""])
        #expect(stream.finish() == "\u{FFFD}")
        #expect(stream.finish() == "")

        let mistral = try tokenizer(["tokenizer.json": try KnownBytePairs.description(named: "Mistral")])
        stream = mistral.textStream(skippingSpecialTokens: true)
        let bytes = try ["<s>", "\u{2581}", "a", "<0xE2>", "<0x82>", "<0xAC>", "a", "<0xE2>", "<0x82>", "a", "<0xFF>"]
            .map { try #require(mistral.tokenID(of: $0)) }
        let parts = bytes.map { stream.append($0) }
        #expect(parts == ["", "", "a", "", "", "", "\u{20AC}a", "", "", "\u{FFFD}\u{FFFD}a", ""])
        #expect(stream.finish() == "\u{FFFD}")
    }

    @Test("what follows the fused text is the same, whether it can be put out early or not")
    func fusedDecoding() throws {
        func decoded(_ decoders: String, _ ids: [Int32]) throws -> [String] {
            let tokenizer = try tokenizer([
                "tokenizer.json": """
                {"decoder": {"type": "Sequence", "decoders": [\(decoders)]},
                 "model": {"type": "BPE", "vocab": {" ": 0, "a": 1, "  b": 2, " c ": 3, "aa": 4}, "merges": [["a", "a"]]}}
                """
            ])
            var stream = tokenizer.textStream(skippingSpecialTokens: false)
            return ids.map { stream.append($0) } + [stream.finish()]
        }
        let fuse = #"{"type": "Fuse"}"#
        let strip = #"{"type": "Strip", "content": " ", "start": 2, "stop": 2}"#
        let replace = #"{"type": "Replace", "pattern": {"String": "aa"}, "content": "x"}"#
        #expect(
            try decoded("\(fuse), \(strip)", [0, 2, 3, 0, 0, 1, 3, 0]) == [
                "", " b", " c", "", " ", "  a", " c", "", "",
            ])
        #expect(try decoded("\(strip)", [0, 2, 3, 1]) == ["", "b", "c", "a", ""])
        #expect(try decoded("\(fuse), \(replace)", [1, 1, 4]) == ["", "", "", "xx"])
        #expect(try decoded("\(replace), \(fuse)", [1, 1, 4]) == ["a", "a", "x", ""])
        #expect(try decoded("\(fuse), \(strip)", []) == [""])
    }

    @Test("WordPiece decodes, from tokenizer.json and from vocab.txt")
    func wordPieceDecoding() throws {
        let vocabulary = try tokenizer([
            "vocab.txt": "[UNK]\n[CLS]\n[SEP]\ndo\n##n\n'\nt\n.\n##'",
            "tokenizer_config.json": #"{"do_lower_case": true}"#,
        ])
        #expect(vocabulary.decode([1, 3, 4, 8, 6, 7, 2], skippingSpecialTokens: true) == "don' t.")
        #expect(vocabulary.decode([1, 3, 4, 99, 2], skippingSpecialTokens: false) == "[CLS] don [SEP]")
    }

    @Test("tokens at a text's ends are those of tokenizer.json, and tokenizer_config.json names them")
    func ends() throws {
        let description = try KnownBytePairs.description(named: "Llama 2")
        func ids(_ configuration: String, _ pair: String? = nil) throws -> [Int32] {
            let configured = try tokenizer(["tokenizer.json": description, "tokenizer_config.json": configuration])
            return try configured.encode("", pair: pair, maximumLength: 99).tokenIDs
        }
        let tokens = #""bos_token": "<s>", "eos_token": {"content": "</s>"}"#
        #expect(try ids("{}") == [1])
        // transformers takes the template of tokenizer.json, whatever these say.
        #expect(try ids(#"{"add_bos_token": false, \#(tokens)}"#) == [1])
        #expect(try ids(#"{"add_bos_token": true, "add_eos_token": true, \#(tokens)}"#, "") == [1, 1])
        let named = try tokenizer(["tokenizer.json": description, "tokenizer_config.json": "{\(tokens)}"])
        #expect(named.startTokenID == 1 && named.endTokenID == 2)
        #expect(named.tokenID(of: "</s>") == 2 && named.tokenID(of: "no such token") == nil)
    }
}
