//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

extension BytePairModel {
    /// The `model` of a `tokenizer.json` with the type `BPE`.
    init(reading field: JSONField) throws {
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            guard let affix = try field.present(key), try !affix.string().isEmpty else { continue }
            throw affix.error(.unsupported, "\(affix.kind) is not supported; expected null or an empty text")
        }
        if let dropout = try field.present("dropout"), dropout.value.real != 0 {
            throw dropout.error(
                .unsupported, "\(dropout.kind) is not supported: it makes tokens a matter of chance; expected null")
        }
        let vocabulary = Vocabulary(try Vocabulary.pieces(reading: try field.required("vocab")))
        var options = Options()
        options.fusesUnknown = try field.present("fuse_unk")?.boolean() ?? false
        options.fallsBackToBytes = try field.present("byte_fallback")?.boolean() ?? false
        options.ignoresMerges = try field.present("ignore_merges")?.boolean() ?? false
        if let unknown = try field.present("unk_token") {
            options.unknownID = vocabulary.id(of: try unknown.string())
            guard options.unknownID != nil else {
                throw unknown.error(
                    .invalidValue, "the vocabulary lacks the token for unknown characters, \(unknown.kind)")
            }
        }
        let merges = try Self.merges(reading: try field.required("merges"), vocabulary)
        self.init(vocabulary: vocabulary, merges: MergeTable(merges), options: options)
    }

    /// The merges, each a text `a b` or a list of two texts.
    private static func merges(
        reading field: JSONField, _ vocabulary: Vocabulary
    ) throws -> [(left: Int32, right: Int32, result: Int32)] {
        guard case .array(let elements) = field.value, elements.count <= TokenizerLimits.pieces else {
            throw field.error(
                .invalidValue, "expected a list of at most \(TokenizerLimits.pieces) merges, found \(field.kind)")
        }
        var merges: [(left: Int32, right: Int32, result: Int32)] = []
        merges.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            // An error's place is made only for an error: there are hundreds of thousands of merges.
            func failure(_ what: String) -> TokenizerError {
                JSONField(value: element, file: field.file, path: "\(field.path)[\(index)]")
                    .error(.invalidValue, what)
            }
            var parts: [[UInt8]] = []
            switch element {
            case .string(let text):
                // A file of merges may have kept its first line.
                if text.utf8.starts(with: "#version".utf8) { continue }
                parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(Array.init)
            case .array(let texts): parts = texts.compactMap { $0.string.map { Array($0.utf8) } }
            default: break
            }
            guard parts.count == 2 else {
                throw failure("expected a text \"a b\" or a list of two texts, found \(JSONField(element).kind)")
            }
            guard
                let left = vocabulary.id(of: parts[0]), let right = vocabulary.id(of: parts[1]),
                let result = vocabulary.id(of: parts[0] + parts[1])
            else {
                let names = parts.map { "\"\(String(decoding: $0, as: UTF8.self))\"" }
                throw failure("the vocabulary lacks \(names[0]), \(names[1]) or the two together")
            }
            merges.append((left, right, result))
        }
        return merges
    }
}

extension Vocabulary {
    /// The pieces of a `vocab` object, piece by piece its id.
    static func pieces(reading field: JSONField) throws -> [(piece: [UInt8], id: Int32)] {
        let members = try field.members()
        guard !members.isEmpty, members.count <= TokenizerLimits.pieces else {
            throw field.error(
                .invalidValue, "expected 1 to \(TokenizerLimits.pieces) pieces, found \(members.count)")
        }
        var pieces: [(piece: [UInt8], id: Int32)] = []
        pieces.reserveCapacity(members.count)
        for (piece, id) in members {
            guard piece.utf8.count <= TokenizerLimits.pieceBytes else {
                throw field.error(.invalidValue, "a piece of \(piece.utf8.count) bytes is too long")
            }
            pieces.append((Array(piece.utf8), try id.tokenID()))
        }
        return pieces
    }

    /// The id of a piece given as bytes.
    func id(of piece: [UInt8]) -> Int32? { id(of: piece, in: piece.indices) }
}
