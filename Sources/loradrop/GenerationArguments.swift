//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Inference

/// How `predict` goes on with texts; only a language model's adapter reads it.
struct GenerationArguments: ParsableArguments {
    @Option(help: "The most tokens that are generated for a row.")
    var newTokens = 128

    @Option(help: ArgumentHelp("Search with so many beams; 1 takes the likeliest token each time.", valueName: "count"))
    var beams = 1

    @Option(help: "With beams: what the length is raised to, by which sums of log-probabilities are divided.")
    var lengthPenalty = 1.0

    @Flag(help: "With beams: end as soon as as many texts have ended as there are beams.")
    var earlyStopping = false

    @Option(help: "Draw tokens from softmax(logits / temperature) instead.")
    var temperature: Double?

    @Option(help: "Draw from the likeliest tokens only that together reach this probability.")
    var topP: Double?

    @Option(help: "What the draws follow from.")
    var generationSeed: UInt64 = 42

    func validate() throws {
        if temperature != nil || topP != nil, beams != 1 {
            throw ValidationError("--beams searches, --temperature and --top-p draw: give one or the other")
        }
    }

    func settings(endTokens: [Int32]) throws -> GenerationSettings {
        let strategy: GenerationSettings.Strategy =
            if temperature != nil || topP != nil {
                .sampled(temperature: temperature ?? 1, topP: topP ?? 1, seed: generationSeed)
            } else if beams == 1 {
                .greedy
            } else {
                .beams(count: beams, lengthPenalty: lengthPenalty, stopsEarly: earlyStopping)
            }
        return try GenerationSettings(strategy: strategy, newTokens: newTokens, endTokens: endTokens)
    }
}
