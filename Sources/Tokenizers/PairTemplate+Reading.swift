//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension PairTemplate {
    /// A `post_processor` of type `BertProcessing`: `"sep": ["[SEP]", 102], "cls": ["[CLS]", 101]`.
    init(readingBert field: JSONField) throws {
        self = .bert(
            classifier: try Self.tokenID(field, "cls"), separator: try Self.tokenID(field, "sep"))
    }

    /// A `post_processor` of type `RobertaProcessing`: `<s> A </s>` and `<s> A </s></s> B </s>`, all of one type.
    init(readingRoberta field: JSONField) throws {
        let (start, end) = (try Self.tokenID(field, "cls"), try Self.tokenID(field, "sep"))
        let single: [Piece] = [
            .special(ids: [start], typeID: 0), .first(typeID: 0), .special(ids: [end], typeID: 0),
        ]
        self.init(
            single: single,
            pair: single + [
                .special(ids: [end], typeID: 0), .second(typeID: 0), .special(ids: [end], typeID: 0),
            ])
    }

    /// The `post_processor` of type `Sequence`: those that say nothing of special tokens and at most one that does.
    static func reading(sequence field: JSONField) throws -> PairTemplate? {
        let list = try field.required("processors")
        let templates = try list.elements().compactMap { try TokenizerDescription.postProcessor($0) }
        guard templates.count <= 1 else {
            throw list.error(.unsupported, "\(templates.count) that add special tokens are not supported, only one")
        }
        return templates.first
    }

    /// A token's id in a list of the token and its id.
    private static func tokenID(_ field: JSONField, _ key: String) throws -> Int32 {
        let pair = try field.required(key)
        let elements = try pair.elements()
        guard elements.count == 2 else {
            throw pair.error(.invalidValue, "expected a token and its id, found \(pair.kind)")
        }
        return try elements[1].tokenID()
    }

    /// A `post_processor` of type `TemplateProcessing`.
    init(readingTemplate field: JSONField) throws {
        let specialTokens = try field.required("special_tokens")
        func pieces(_ key: String, texts: [Int]) throws -> [Piece] {
            let list = try field.required(key)
            let pieces = try list.elements().map { try Self.piece(reading: $0, specialTokens) }
            guard PairTemplate.texts(in: pieces) == texts else {
                throw list.error(
                    .unsupported, texts == [1, 0] ? "expected the text A once" : "expected the texts A and B once each")
            }
            return pieces
        }
        self.init(single: try pieces("single", texts: [1, 0]), pair: try pieces("pair", texts: [1, 1]))
    }

    private static func piece(reading field: JSONField, _ specialTokens: JSONField) throws -> Piece {
        func typeID(_ field: JSONField) throws -> Int32 {
            Int32(try field.required("type_id").integer(in: 0...TokenizerLimits.tokenTypeID))
        }
        if let sequence = try field.member("Sequence") {
            let id = try sequence.required("id")
            switch try id.string() {
            case "A": return .first(typeID: try typeID(sequence))
            case "B": return .second(typeID: try typeID(sequence))
            default: throw id.error(.invalidValue, "expected \"A\" or \"B\", found \(id.kind)")
            }
        }
        if let special = try field.member("SpecialToken") {
            let id = try special.required("id")
            guard let token = try specialTokens.member(try id.string()) else {
                throw id.error(.invalidValue, "\(id.kind) is not among the special_tokens")
            }
            return .special(
                ids: try token.required("ids").elements().map { try $0.tokenID() }, typeID: try typeID(special))
        }
        throw field.error(.unsupported, "expected a \"Sequence\" or a \"SpecialToken\", found \(field.kind)")
    }
}
