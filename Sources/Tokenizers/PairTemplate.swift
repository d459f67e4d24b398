//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Where the special tokens go around a text and around a pair of texts, and which token type each token has.
///
/// As `TemplateProcessing` of Hugging Face's `tokenizers`; other post-processors are written as templates.
struct PairTemplate: Sendable {
    /// A part of a template.
    enum Piece: Sendable, Hashable {
        case first(typeID: Int32)
        case second(typeID: Int32)
        case special(ids: [Int32], typeID: Int32)
    }

    private let single: [Piece]
    private let pair: [Piece]

    /// - Precondition: `single` has the first text once, `pair` has both once.
    init(single: [Piece], pair: [Piece]) {
        precondition(Self.texts(in: single) == [1, 0] && Self.texts(in: pair) == [1, 1], "\(single) and \(pair)")
        self.single = single
        self.pair = pair
    }

    /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.
    static func bert(classifier: Int32, separator: Int32) -> PairTemplate {
        let start: [Piece] = [
            .special(ids: [classifier], typeID: 0), .first(typeID: 0), .special(ids: [separator], typeID: 0),
        ]
        return PairTemplate(
            single: start, pair: start + [.second(typeID: 1), .special(ids: [separator], typeID: 1)])
    }

    /// The texts alone.
    static let bare = PairTemplate(single: [.first(typeID: 0)], pair: [.first(typeID: 0), .second(typeID: 1)])

    /// How often a template has the first and the second text.
    static func texts(in pieces: [Piece]) -> [Int] {
        var counts = [0, 0]
        for piece in pieces {
            switch piece {
            case .first: counts[0] += 1
            case .second: counts[1] += 1
            case .special: break
            }
        }
        return counts
    }

    /// The highest id of a special token, or 0.
    var highestSpecialID: Int32 {
        (single + pair).reduce(0) { highest, piece in
            if case .special(let ids, _) = piece { max(highest, ids.max() ?? 0) } else { highest }
        }
    }

    /// How many special tokens the template adds.
    func specialTokenCount(isPair: Bool) -> Int {
        (isPair ? pair : single).reduce(0) { count, piece in
            if case .special(let ids, _) = piece { count + ids.count } else { count }
        }
    }

    /// The texts' ids with the special tokens around them.
    func join(_ first: [Int32], _ second: [Int32]?, wasTruncated: Bool) -> Encoding {
        var ids: [Int32] = []
        var typeIDs: [Int32] = []
        ids.reserveCapacity(first.count + (second?.count ?? 0) + 3)
        typeIDs.reserveCapacity(ids.capacity)
        func append(_ more: [Int32], _ typeID: Int32) {
            ids.append(contentsOf: more)
            for _ in more { typeIDs.append(typeID) }
        }
        for piece in second == nil ? single : pair {
            switch piece {
            case .first(let typeID): append(first, typeID)
            case .second(let typeID): append(second ?? [], typeID)
            case .special(let special, let typeID): append(special, typeID)
            }
        }
        return Encoding(tokenIDs: ids, tokenTypeIDs: typeIDs, wasTruncated: wasTruncated)
    }
}
