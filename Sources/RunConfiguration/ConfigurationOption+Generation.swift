//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension ConfigurationOption {
    static let generationOptions: [ConfigurationOption] = [
        ConfigurationOption(
            "generation.new_tokens", \.generation.newTokens, .integer(1...1_000_000), .result,
            "The most tokens that are generated after a prompt. As a flag also --new-tokens."),
        ConfigurationOption(
            "generation.beams", \.generation.beams, .integer(1...64), .result,
            "Search with so many beams; 1 takes the likeliest token each time. As a flag also --beams."),
        ConfigurationOption(
            "generation.length_penalty", \.generation.lengthPenalty, .number(.from(-100, to: 100)), .result,
            "With beams: what the length is raised to, by which sums of log-probabilities are divided. As a flag also "
                + "--length-penalty."),
        ConfigurationOption(
            "generation.early_stopping", \.generation.earlyStopping, .boolean, .result,
            "With beams: end as soon as as many texts have ended as there are beams. As a flag also --early-stopping."),
        ConfigurationOption(
            "generation.temperature", \.generation.temperature, .optional(.number(.above(0))), .result,
            "Draw tokens from softmax(logits / temperature) instead. As a flag also --temperature."),
        ConfigurationOption(
            "generation.top_p", \.generation.topP, .optional(.number(.above(0, to: 1))), .result,
            "Draw from the likeliest tokens only that together reach this probability. As a flag also --top-p."),
        ConfigurationOption(
            "generation.seed", \.generation.seed, .integer(0...UInt64.max), .result,
            "What the draws follow from. As a flag also --generation-seed."),
        ConfigurationOption(
            "generation.group_references", \.generation.groupReferences, .boolean, .result,
            "In an evaluation, take rows with the same prompt for the references of one text, as E2E is measured; else "
                + "each row has a text of its own. As a flag also --group-references."),
    ]
}
