//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension EncoderConfiguration {
    /// The rows of the position table that a batch's tokens read, one a token.
    ///
    /// Where a family counts from its padding, a padding token within a text keeps the row `padTokenID` and is not
    /// counted. Source: `create_position_ids_from_input_ids` of transformers' modeling_roberta.py.
    func positions(of batch: PackedSequences) -> [Int32] {
        var positions: [Int32] = []
        positions.reserveCapacity(batch.tokenCount)
        for example in 0..<batch.exampleCount {
            let tokens = batch.starts[example]..<batch.starts[example + 1]
            guard family.countsPositionsFromPadding else {
                positions.append(contentsOf: 0..<Int32(tokens.count))
                continue
            }
            let padding = Int32(padTokenID)
            var last = padding
            for token in tokens {
                let isPadding = batch.tokenIDs[token] == padding
                last += isPadding ? 0 : 1
                positions.append(isPadding ? padding : last)
            }
        }
        return positions
    }

    /// A tokenizer's token types as the model reads them: a model with one type or none reads none, and its tokenizer
    /// in transformers gives none either, whatever its vocabulary's kind.
    package func tokenTypes(_ tokenTypeIDs: [Int32]) -> [Int32] {
        tokenTypeCount > 1 ? tokenTypeIDs : tokenTypeIDs.map { _ in 0 }
    }
}
