//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA

extension ConfigurationOption {
    static let loraOptions: [ConfigurationOption] = [
        ConfigurationOption(
            "lora.rank", \.lora.adapterRank, .integer(1...4096), .result, "The rank r of every LoRA."),
        ConfigurationOption(
            "lora.alpha", \.lora.alpha, .number(.above(0)), .result,
            "The scale of a LoRA's output is alpha / rank."),
        ConfigurationOption(
            "lora.dropout", \.lora.dropout, .number(.from(0, below: 1)), .result,
            "The probability with which an element of a LoRA's input is zeroed while training."),
        ConfigurationOption(
            "lora.target_modules", \.lora.targetModules, .list(of: .text), .result,
            "The linear projections that get a LoRA, by the end of their names, as in PEFT; none named: PEFT's choice for "
                + "the model's family, such as query and value."),
        ConfigurationOption(
            "lora_drop.sample_ratio", \.loraDrop.sampleRatio, .number(.above(0, to: 1)), .result,
            "The part of the training set that the probe trains on, stratified."),
        ConfigurationOption(
            "lora_drop.threshold", \.loraDrop.threshold, .number(.from(0, to: 1)), .result,
            "The most important layers are kept until their shares reach it. 1 keeps all (plain LoRA, without a "
                + "probe), 0 none."),
        ConfigurationOption(
            "lora_drop.probe_epochs", \.loraDrop.probeEpochs, .integer(1...1_000_000), .result,
            "How often the probe goes over its sample."),
        ConfigurationOption(
            "lora_drop.probe_learning_rate", \.loraDrop.probeLearningRate,
            .optional(.number(.above(0))), .result,
            "The probe's learning rate; null: that of the training."),
        ConfigurationOption(
            "lora_drop.granularity", \.loraDrop.granularity, .choice, .result,
            "Rank layers, their modules summed, or every module on its own."),
        ConfigurationOption(
            "lora_drop.score", \.loraDrop.score, .choice, .result,
            "What importance is: LoRA-drop's output norm, or one of the scores to compare it with."),
        ConfigurationOption(
            "lora_drop.share", \.loraDrop.share,
            .choice.orBoolean(true: .trained, false: .absent), .result,
            "The layers that are not kept share one LoRA for each target module: trained (true) or frozen; or they "
                + "have none: absent (false)."),
        ConfigurationOption(
            "lora_drop.start", \.loraDrop.start, .choice, .result,
            "Start the fine-tuning from a fresh initialisation, or warm, from the probe's LoRA."),
        ConfigurationOption(
            "lora_drop.keep_layers", \.loraDrop.keepLayers, .list(of: .integer(0...65_535)), .result,
            "Keep these layers, by 0-based number, instead of deciding by importance."),
        ConfigurationOption(
            "lora_drop.keep_count", \.loraDrop.keepCount, .optional(.integer(1...65_535)), .result,
            "Keep so many of the most important layers (or modules) instead of going by the threshold; with the score "
                + "random: so many random ones."),
    ]
}
