//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension TokenizerDescription {
    static let decoders: [String: Reader<any DecodingStage>] = [
        "ByteFallback": { _ in ByteFallbackDecoding() },
        "ByteLevel": { _ in ByteLevelDecoding() },
        "Fuse": { _ in FuseDecoding() },
        "Metaspace": {
            MetaspaceDecoding(
                replacement: try $0.required("replacement").character(),
                dropsFirst: try MetaspacePreTokenizer.PrependScheme(reading: $0) != .never)
        },
        "Replace": { ReplaceDecoding(replacement: try TextReplacement(reading: $0)) },
        "Strip": { field in
            func count(_ key: String) throws -> Int {
                try field.required(key).integer(in: 0...TokenizerLimits.strippedCharacters)
            }
            return StripDecoding(
                content: try field.required("content").character(), start: try count("start"), stop: try count("stop"))
        },
        "WordPiece": {
            WordPieceDecoding(
                prefix: try $0.required("prefix").shortText(), cleansUp: try $0.required("cleanup").boolean())
        },
    ]

    /// The stages of a `decoder`.
    static func decoder(_ field: JSONField) throws -> [any DecodingStage] {
        let stages = try flattened(field, "decoders").map { try stage($0, decoders) }
        try TextReplacement.checkGrowth(of: stages.compactMap { ($0 as? ReplaceDecoding)?.replacement }, field)
        return streaming(stages)
    }

    /// The stages such that text comes as early as it can: from the first stage on that makes one piece of all, a
    /// text need not be held to its end where only its ends are looked at.
    private static func streaming(_ stages: [any DecodingStage]) -> [any DecodingStage] {
        guard let fusing = stages.firstIndex(where: { $0 is FuseDecoding || $0 is ByteLevelDecoding }) else {
            return stages
        }
        let isByteLevel = stages[fusing] is ByteLevelDecoding
        let before = Array(stages[..<fusing]) + (isByteLevel ? [stages[fusing]] : [])
        let after = stages[(fusing + 1)...].filter { !($0 is FuseDecoding) }
        let strips = after.compactMap { $0 as? StripDecoding }
        guard strips.count == after.count else { return before + [FuseDecoding()] + after }
        return before + strips.map { FusedStripDecoding(content: $0.content, start: $0.start, stop: $0.stop) }
    }
}
