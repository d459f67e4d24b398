//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import Tokenizers

@Suite("Tokenizers that are refused")
struct RefusalTests {
    /// The smallest `tokenizer.json`, with parts replaced.
    private static func description(_ replacements: (of: String, with: String)...) -> String {
        var text = """
            {"added_tokens": [{"id": 2, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false,
                               "normalized": false, "special": true}],
             "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                            "strip_accents": null, "lowercase": true},
             "pre_tokenizer": {"type": "BertPreTokenizer"},
             "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                       "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}}}
            """
        for (old, new) in replacements { text = text.replacingOccurrences(of: old, with: new) }
        return text
    }

    /// Loads a folder with these files, which must fail with the code and with every text in the message.
    private func expectRefusal(
        _ code: TokenizerError.Code, _ texts: [String], of files: [String: String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: TokenizerError.self, sourceLocation: sourceLocation) { try tokenizer(files) }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: sourceLocation)
        for text in texts {
            #expect(
                error?.message.contains(text) == true, "\"\(text)\" in: \(error?.message ?? "")",
                sourceLocation: sourceLocation)
        }
    }

    @Test("the smallest description is not refused")
    func smallest() throws {
        let tokenizer = try tokenizer(["tokenizer.json": Self.description()])
        #expect(tokenizer.vocabularySize == 4)
        #expect(try tokenizer.encode("A [SEP] b", maximumLength: 9).tokenIDs == [1, 3, 2, 0, 2])
    }

    @Test(
        "a stage of another kind is refused by name, with file and key",
        arguments: [
            ("\"WordPiece\"", "\"WordLevel\"", "model"), ("\"WordPiece\"", "\"Unigram\"", "model"),
            ("\"BertNormalizer\"", "\"Nmt\"", "normalizer"),
            ("\"BertPreTokenizer\"", "\"UnicodeScripts\"", "pre_tokenizer"),
            ("\"BertProcessing\"", "\"Other\"", "post_processor"),
        ])
    func unsupportedStage(_ old: String, _ new: String, _ key: String) {
        expectRefusal(
            .unsupported, ["tokenizer.json", "key \"\(key)\"", new],
            of: ["tokenizer.json": Self.description((old, new))])
    }

    @Test(
        "a wrong value is refused with its key",
        arguments: [
            ("\"a\": 3", "\"a\": -3", "model.vocab.a"), ("\"a\": 3", "\"a\": 3.5", "model.vocab.a"),
            ("\"a\": 3", "\"a\": 99999999999", "model.vocab.a"), ("\"a\": 3", "\"a\": \"3\"", "model.vocab.a"),
            ("100", "1000000", "model.max_input_chars_per_word"),
            ("\"lowercase\": true", "\"lowercase\": 1", "lowercase"),
            ("\"lowercase\": true", "\"lower\": true", "normalizer"), ("[\"[SEP]\", 2]", "2", "post_processor.sep"),
            ("{\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3}", "{}", "model.vocab"),
            ("\"[UNK]\",", "\"[X]\",", "model"),
            ("\"content\": \"[SEP]\"", "\"content\": \"\"", "added_tokens[0]"),
        ])
    func wrongValue(_ old: String, _ new: String, _ key: String) {
        expectRefusal(
            .invalidValue, ["tokenizer.json", key], of: ["tokenizer.json": Self.description((old, new))])
    }

    /// The smallest byte-pair `tokenizer.json`, with parts replaced.
    private static func bytePairs(_ replacements: (of: String, with: String)...) -> String {
        var text = """
            {"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "_"},
             "pre_tokenizer": {"type": "Split", "pattern": {"String": "_"}, "behavior": "Isolated", "invert": false},
             "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}]},
             "decoder": {"type": "Strip", "content": " ", "start": 1, "stop": 0},
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "_": 3}, "merges": ["a b"]}}
            """
        for (old, new) in replacements { text = text.replacingOccurrences(of: old, with: new) }
        return text
    }

    @Test(
        "the smallest byte-pair description is not refused, and unknown characters without a token for them are dropped"
    )
    func smallestBytePairs() throws {
        let tokenizer = try tokenizer(["tokenizer.json": Self.bytePairs()])
        #expect(tokenizer.tokenIDs(of: "ab x ba") == [2, 3, 3, 1, 0])
        #expect(tokenizer.decode([2, 3, 9], skippingSpecialTokens: true) == "ab_")
    }

    @Test(
        "what byte-pair tokenizers may have and loradrop has not is refused by name, with file and key",
        arguments: [
            ("{\"String\": \"_\"}", #"{"Regex": "\\d+"}"#, ["pre_tokenizer.pattern.Regex", #"\d+"#, "Llama 3"]),
            ("{\"String\": \" \"}", #"{"Regex": " {2,}"}"#, ["normalizer.pattern", " {2,}"]),
            ("\"merges\"", #""dropout": 0.1, "merges""#, ["model.dropout", "0.1"]),
            ("\"merges\"", #""end_of_word_suffix": "</w>", "merges""#, ["model.end_of_word_suffix", "</w>"]),
            ("\"merges\"", #""continuing_subword_prefix": "@@", "merges""#, ["model.continuing_subword_prefix", "@@"]),
            ("\"Strip\"", "\"CTC\"", ["decoder", "CTC"]), ("\"Strip\"", "\"BPEDecoder\"", ["decoder", "BPEDecoder"]),
            (
                #"[{"type": "ByteLevel"}]"#,
                #"[{"type": "RobertaProcessing", "cls": ["a", 0], "sep": ["b", 1]}, {"type": "BertProcessing", "#
                    + #""cls": ["a", 0], "sep": ["b", 1]}]"#,
                ["post_processor.processors", "2"]
            ),
        ] as [(String, String, [String])])
    func unsupportedPart(_ old: String, _ new: String, _ texts: [String]) {
        expectRefusal(
            .unsupported, ["tokenizer.json"] + texts, of: ["tokenizer.json": Self.bytePairs((old, new))])
    }

    @Test(
        "a wrong value of a byte-pair tokenizer is refused with its key",
        arguments: [
            ("[\"a b\"]", "[\"a b\", \"a\"]", "model.merges[1]"), ("[\"a b\"]", "[\"a b b\"]", "model.merges[0]"),
            ("[\"a b\"]", "[[\"a\"]]", "model.merges[0]"), ("[\"a b\"]", "[\"b a\"]", "model.merges[0]"),
            ("[\"a b\"]", "[3]", "model.merges[0]"), ("[\"a b\"]", "{}", "model.merges"),
            ("\"merges\"", "\"unk_token\": \"c\", \"merges\"", "model.unk_token"),
            ("\"_\": 3", "\"_\": -3", "model.vocab._"),
            ("\"Isolated\"", "\"Other\"", "pre_tokenizer.behavior"), ("\"start\": 1", "\"start\": -1", "decoder.start"),
            ("\"content\": \" \"", "\"content\": \"  \"", "decoder.content"),
            ("\"content\": \"_\"", "\"content\": \"\(String(repeating: "x", count: 2000))\"", "normalizer"),
        ])
    func wrongBytePairValue(_ old: String, _ new: String, _ key: String) {
        expectRefusal(
            .invalidValue, ["tokenizer.json", key], of: ["tokenizer.json": Self.bytePairs((old, new))])
    }

    @Test("settings of byte-pair tokenizers that contradict each other are refused")
    func bytePairContradictions() {
        let split = #"{"type": "Split", "pattern": {"String": "_"}, "behavior": "Isolated", "invert": false}"#
        func files(_ preTokenizer: String, _ configuration: String = "{}") -> [String: String] {
            [
                "tokenizer.json": Self.bytePairs((split, preTokenizer)), "tokenizer_config.json": configuration,
            ]
        }
        let metaspace = #"{"type": "Metaspace", "replacement": "_", "add_prefix_space": false"#
        #expect(throws: Never.self) { try tokenizer(files(metaspace + "}")) }
        #expect(throws: Never.self) { try tokenizer(files(metaspace + #", "prepend_scheme": "never"}"#)) }
        expectRefusal(
            .contradiction, ["pre_tokenizer.prepend_scheme", "add_prefix_space"],
            of: files(metaspace + #", "prepend_scheme": "first"}"#))
        let byteLevel = #"{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true}"#
        #expect(throws: Never.self) { try tokenizer(files(byteLevel, #"{"add_prefix_space": true}"#)) }
        expectRefusal(
            .contradiction, ["tokenizer_config.json", "add_prefix_space"],
            of: files(byteLevel, #"{"add_prefix_space": false}"#))
        expectRefusal(
            .unsupported, ["pre_tokenizer", "ByteLevel"],
            of: files(#"{"type": "Sequence", "pretokenizers": [\#(byteLevel), \#(byteLevel)]}"#))
        let many = [String](repeating: split, count: 17).joined(separator: ", ")
        expectRefusal(
            .invalidValue, ["pre_tokenizer.pretokenizers", "17"],
            of: files(#"{"type": "Sequence", "pretokenizers": [\#(many)]}"#))
    }

    @Test("an added token whose id Hugging Face would not use is refused")
    func addedTokenID() {
        expectRefusal(
            .contradiction, ["added_tokens[0]", "[SEP]"],
            of: ["tokenizer.json": Self.description(("\"id\": 2", "\"id\": 3"))])
        expectRefusal(
            .contradiction, ["added_tokens[0]", "4"],
            of: [
                "tokenizer.json": Self.description(
                    ("\"id\": 2, \"content\": \"[SEP]\"", "\"id\": 7, \"content\": \"<x>\""))
            ])
    }

    @Test("a template without the text, or with a token that it does not define, is refused")
    func template() {
        func files(_ single: String, _ tokens: String) -> [String: String] {
            let processor = """
                "TemplateProcessing", "single": [\(single)], "special_tokens": {\(tokens)}, "pair": [
                {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]
                """
            return ["tokenizer.json": Self.description(("\"BertProcessing\"", processor))]
        }
        let text = #"{"Sequence": {"id": "A", "type_id": 0}}"#
        let token = #"{"SpecialToken": {"id": "[SEP]", "type_id": 0}}"#
        let definition = #""[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}"#
        #expect(throws: Never.self) { try tokenizer(files("\(text), \(token)", definition)) }
        expectRefusal(.unsupported, ["post_processor.single"], of: files(token, definition))
        expectRefusal(.unsupported, ["post_processor.single"], of: files("\(text), \(text)", definition))
        expectRefusal(.invalidValue, ["single[1].SpecialToken.id", "[SEP]"], of: files("\(text), \(token)", ""))
        expectRefusal(.unsupported, ["post_processor.single[1]"], of: files("\(text), {\"Other\": 1}", definition))
        expectRefusal(
            .invalidValue, ["single[0].Sequence.id"], of: files(text.replacingOccurrences(of: "A", with: "C"), ""))
    }

    @Test(
        "broken JSON is refused with its line",
        arguments: [
            ("", 1), ("{\n\"a\": tru}", 2), ("{\"a\": 01}", 1), ("[1,\n2,\n]", 3), ("{\"a\" 1}", 1), ("{a: 1}", 1),
            ("{\"a\": \"\u{1}\"}", 1), ("{\"a\": \"\\ud800\"}", 1), ("{\"a\": \"\\udc00x\"}", 1), ("\"\\x\"", 1),
            ("\"\\u12g4\"", 1), ("{} {}", 1), ("1.", 1), ("1e", 1), ("-", 1), ("\"open", 1),
            (String(repeating: "[", count: 100_000), 1), ("{\"a\":1,}", 1), ("[1 2]", 1),
            ("{\"a\":1,\n\"a\":2}", 2),
        ])
    func brokenJSON(_ text: String, _ line: Int) {
        expectRefusal(.malformedFile, ["tokenizer.json, line \(line):"], of: ["tokenizer.json": text])
    }

    @Test("tokenizer_config.json must not contradict tokenizer.json")
    func contradiction() throws {
        for (key, value) in [("do_lower_case", false), ("strip_accents", false), ("tokenize_chinese_chars", false)] {
            let description = Self.description()
            expectRefusal(
                .contradiction, ["tokenizer_config.json", key, "tokenizer.json"],
                of: ["tokenizer.json": description, "tokenizer_config.json": "{\"\(key)\": \(value)}"])
            #expect(throws: Never.self) {
                try tokenizer(["tokenizer.json": description, "tokenizer_config.json": "{\"\(key)\": null}"])
            }
        }
        expectRefusal(
            .invalidValue, ["truncation_side"],
            of: ["tokenizer.json": Self.description(), "tokenizer_config.json": "{\"truncation_side\": \"middle\"}"])
    }

    @Test("a folder without a tokenizer, and a vocab.txt that leaves questions open, are refused")
    func vocabularyFile() {
        let pieces = "[UNK]\n[CLS]\n[SEP]\na\n"
        let lower = "{\"do_lower_case\": true}"
        expectRefusal(.missingFile, ["tokenizer.json", "vocab.txt"], of: [:])
        expectRefusal(.missingFile, ["tokenizer_config.json", "do_lower_case"], of: ["vocab.txt": pieces])
        expectRefusal(
            .invalidValue, ["tokenizer_config.json", "do_lower_case"],
            of: ["vocab.txt": pieces, "tokenizer_config.json": "{}"])
        expectRefusal(
            .invalidValue, ["vocab.txt", "[SEP]"],
            of: ["vocab.txt": "[UNK]\n[CLS]\n", "tokenizer_config.json": lower])
        expectRefusal(.malformedFile, ["vocab.txt"], of: ["vocab.txt": "", "tokenizer_config.json": lower])
        expectRefusal(
            .unsupported, ["added_tokens.json"],
            of: ["vocab.txt": pieces, "tokenizer_config.json": lower, "added_tokens.json": "{}"])
        expectRefusal(
            .invalidValue, ["vocab.txt", "mask_token"],
            of: [
                "vocab.txt": "\n" + pieces, "tokenizer_config.json": "{\"do_lower_case\": true, \"mask_token\": \"\"}",
            ])
        for setting in [
            "\"tokenizer_class\": \"BertJapaneseTokenizer\"", "\"do_basic_tokenize\": false",
            "\"never_split\": [\"a\"]",
            "\"added_tokens_decoder\": {}",
        ] {
            expectRefusal(
                .unsupported, [String(setting.split(separator: "\"")[0])],
                of: ["vocab.txt": pieces, "tokenizer_config.json": "{\"do_lower_case\": true, \(setting)}"])
        }
    }

    @Test("text that is not UTF-8 and what is no file are refused")
    func unreadable() throws {
        let folder = try ModelFolder(["tokenizer_config.json": "{\"do_lower_case\": true}"])
        try Data([0x5B, 0xFF, 0x0A]).write(to: folder.url.appendingPathComponent("vocab.txt"))
        let notText = #expect(throws: TokenizerError.self) { try TokenizerFolder.load(folder.url) }
        #expect(notText?.code == .malformedFile && notText?.message.contains("UTF-8") == true)
        try Data([0x22, 0xC3, 0x22]).write(to: folder.url.appendingPathComponent("tokenizer.json"))
        let notJSON = #expect(throws: TokenizerError.self) { try TokenizerFolder.load(folder.url) }
        #expect(notJSON?.code == .malformedFile && notJSON?.message.contains("UTF-8") == true)
        let other = try ModelFolder([:])
        try FileManager.default.createDirectory(
            at: other.url.appendingPathComponent("tokenizer.json"), withIntermediateDirectories: true)
        let whole = try ModelFolder(["tokenizer.json": Self.description()])
        #expect(try TokenizerFolder.load(whole.url).vocabularySize == 4)
        let noFile = #expect(throws: TokenizerError.self) { try TokenizerFolder.load(other.url) }
        #expect(noFile?.code == .unreadableFile)
    }

    @Test("a length without room for the special tokens is refused, and one with just that room gives them alone")
    func maximumLength() throws {
        let tokenizer = try tokenizer(["tokenizer.json": Self.description()])
        for (pair, least) in [(nil, 2), ("a", 3)] as [(String?, Int)] {
            #expect(try tokenizer.encode("a", pair: pair, maximumLength: least).tokenIDs.count == least)
            #expect(try tokenizer.encode("a", pair: pair, maximumLength: least).wasTruncated)
            let error = #expect(throws: TokenizerError.self) {
                try tokenizer.encode("a", pair: pair, maximumLength: least - 1)
            }
            #expect(error?.code == .maximumLength && error?.message.contains("\(least + 1)") == true)
        }
        #expect(throws: TokenizerError.self) { try tokenizer.encode("a", maximumLength: .min) }
    }

    @Test("truncation_side left cuts the beginning")
    func truncationSide() throws {
        let files = ["tokenizer.json": Self.description(), "tokenizer_config.json": "{\"truncation_side\": \"left\"}"]
        let encoding = try tokenizer(files).encode("a a b", pair: "b a", maximumLength: 6)
        #expect(encoding.tokenIDs == [1, 3, 0, 2, 3, 2])
    }
}
