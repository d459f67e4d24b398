//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import Tokenizers

@Suite("Tokens as Hugging Face tokenizers makes them")
struct HuggingFaceTests {
    private func check(_ known: KnownTokens, with tokenizer: any Tokenizer) throws {
        for example in known.cases {
            let encoding = try tokenizer.encode(
                example.texts[0], pair: example.texts.count == 2 ? example.texts[1] : nil,
                maximumLength: example.length ?? .max)
            let expected = Encoding(
                tokenIDs: example.ids, tokenTypeIDs: example.types, wasTruncated: example.truncated)
            #expect(encoding == expected, "\(known.name): \(example.texts) within \(example.length ?? -1)")
        }
    }

    @Test("every configuration gives Hugging Face's ids, types and truncation", arguments: try KnownTokens.all())
    func knownAnswers(_ known: KnownTokens) throws {
        #expect(known.cases.count > 100)
        try check(known, with: try tokenizer(["tokenizer.json": try known.description()]))
    }

    @Test(
        "vocab.txt with tokenizer_config.json gives the same",
        arguments: [
            ("uncased", #"{"do_lower_case": true, "tokenizer_class": "BertTokenizer", "never_split": []}"#),
            ("cased", #"{"do_lower_case": false, "strip_accents": null}"#),
            ("cased without accents", #"{"do_lower_case": false, "strip_accents": true}"#),
            ("uncased with accents", #"{"do_lower_case": true, "strip_accents": false}"#),
            ("ideographs in words", #"{"do_lower_case": true, "tokenize_chinese_chars": false}"#),
        ])
    func vocabularyFile(_ name: String, _ configuration: String) throws {
        let lines = try KnownTokens.pieces().joined(separator: "\n")
        try check(
            try KnownTokens.named(name),
            with: try tokenizer(["vocab.txt": lines + "\n", "tokenizer_config.json": configuration]))
    }

    @Test("pieces that are canonically equivalent stay apart")
    func canonicalEquivalence() throws {
        let tokenizer = try tokenizer(["tokenizer.json": try KnownTokens.named("cased").description()])
        let composed = try tokenizer.encode("caf\u{E9}", maximumLength: 8).tokenIDs
        let decomposed = try tokenizer.encode("cafe\u{301}", maximumLength: 8).tokenIDs
        #expect(composed.count == 3 && decomposed.count == 3 && composed != decomposed)
    }
}
