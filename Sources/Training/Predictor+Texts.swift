//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
package import Generation

extension Predictor {
    /// Texts, beams among them, that are gone on with at a time: enough that reading the weights is worth it, few enough
    /// for their cached keys and values.
    private static var textsAtATime: Int { 16 }

    /// The tokens that follow each prompt, in the prompts' order.
    ///
    /// A text does not depend on those beside it (`TextGenerator`), so that the cut into shards decides nothing but the
    /// time.
    /// - Parameter nextPass: The number that the next piece of work gets.
    /// - Throws: `TrainingError` where a text does not come back; what the predictor throws.
    package func texts(
        after prompts: [Prompt], by settings: GenerationSettings, nextPass: () -> Int
    ) throws -> [[Int32]] {
        let examples = prompts.map { prompt in
            TokenisedExample(
                index: prompt.index, tokenIDs: prompt.tokenIDs, tokenTypeIDs: prompt.tokenIDs.map { _ in 0 },
                target: .none)
        }
        var shardSize = Self.textsAtATime
        if case .beams(let count, _, _) = settings.strategy {
            shardSize = max(1, shardSize / count)
        }
        var texts: [[Int32]] = []
        for part in StepWork.parts(of: examples).map(Array.init) {
            let shards = ShardPlan.chunks(exampleCount: part.count, chunkSize: shardSize).enumerated().map {
                Shard(index: $0.offset, examples: Array(part[$0.element]))
            }
            let work = StepWork(kind: .generate, step: nextPass(), shards: shards, generation: settings)
            let answers = Dictionary(
                try generate(work).map { ($0.example, $0.tokens) }, uniquingKeysWith: { first, _ in first })
            for example in part {
                guard let answer = answers[example.index] else {
                    throw TrainingError(
                        code: .shardsMiscounted,
                        message: "no text came back for row \(example.index) of \(part.count) that were asked for")
                }
                texts.append(answer)
            }
        }
        return texts
    }
}
