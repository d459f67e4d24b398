//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension ConfigurationOption {
    static let trainingOptions: [ConfigurationOption] = [
        ConfigurationOption(
            "training.epochs", \.training.epochs, .integer(1...1_000_000), .result,
            "How often the training goes over all its examples."),
        ConfigurationOption(
            "training.max_steps", \.training.maxSteps, .optional(.integer(1...Int.max)), .result,
            "End after so many updates, whatever the epochs; schedules are laid out for it."),
        ConfigurationOption(
            "training.batch_size", \.training.batchSize, .integer(1...1_000_000), .result,
            "Examples of a batch, over all workers together."),
        ConfigurationOption(
            "training.gradient_accumulation_steps", \.training.gradientAccumulationSteps,
            .integer(1...1_000_000), .result, "Batches of one update."),
        ConfigurationOption(
            "training.shard_tokens", \.training.shardTokens, .integer(1...1_000_000_000), .result,
            "A batch is cut into shards of about so many tokens, each given to one slot."),
        ConfigurationOption(
            "training.learning_rate", \.training.learningRate, .number(.above(0)), .result,
            "The highest learning rate of the LoRA."),
        ConfigurationOption(
            "training.head_learning_rate", \.training.headLearningRate, .optional(.number(.above(0))),
            .result, "The highest learning rate of the task head; null: that of the LoRA."),
        ConfigurationOption(
            "training.schedule", \.training.schedule, .choice, .result,
            "How the learning rate goes on after the warm-up."),
        ConfigurationOption(
            "training.warmup_ratio", \.training.warmupRatio, .number(.from(0, to: 1)), .result,
            "The part of all updates in which the learning rate rises."),
        ConfigurationOption(
            "training.warmup_steps", \.training.warmupSteps, .optional(.integer(0...Int.max)), .result,
            "The updates in which the learning rate rises; null: by warmup_ratio."),
        ConfigurationOption(
            "training.weight_decay", \.training.weightDecay, .number(.from(0)), .result,
            "AdamW's decoupled weight decay."),
        ConfigurationOption(
            "training.adam_beta1", \.training.adamBeta1, .number(.from(0, below: 1)), .result,
            "The decay of AdamW's first moment."),
        ConfigurationOption(
            "training.adam_beta2", \.training.adamBeta2, .number(.from(0, below: 1)), .result,
            "The decay of AdamW's second moment."),
        ConfigurationOption(
            "training.adam_epsilon", \.training.adamEpsilon, .number(.above(0)), .result,
            "What AdamW adds to the root of the second moment."),
        ConfigurationOption(
            "training.max_gradient_norm", \.training.maxGradientNorm, .number(.from(0)), .result,
            "Gradients are scaled down to this global norm, as Hugging Face's Trainer does; 0: never."),
        ConfigurationOption(
            "training.max_sequence_length", \.training.maxSequenceLength, .integer(4...1_000_000), .result,
            "Longer texts are cut to so many tokens, special ones included."),
        ConfigurationOption(
            "training.seed", \.training.seed, .integer(0...UInt64.max), .result,
            "What every random draw of the run follows from."),
        ConfigurationOption(
            "training.evaluation_strategy", \.training.evaluationStrategy,
            .optional(.choice, none: "auto"), .result,
            "Evaluate each epoch, each evaluation_steps, or never; auto: each epoch if there is a validation file."),
        ConfigurationOption(
            "training.evaluation_steps", \.training.evaluationSteps, .optional(.integer(1...Int.max)),
            .result,
            "Updates between evaluations."),
        ConfigurationOption(
            "training.early_stopping_patience", \.training.earlyStoppingPatience,
            .optional(.integer(1...Int.max)), .result,
            "Stop after so many evaluations without improvement; null: never."),
        ConfigurationOption(
            "training.early_stopping_threshold", \.training.earlyStoppingThreshold, .number(.from(0)), .result,
            "How much better a metric must be to count as improved."),
        ConfigurationOption(
            "training.load_best_at_end", \.training.loadBestAtEnd, .boolean, .result,
            "Export the adapter of the best evaluation instead of the last one."),
        ConfigurationOption(
            "training.logging_steps", \.training.loggingSteps, .integer(1...Int.max), .operational,
            "Updates between entries of the log history."),
        ConfigurationOption(
            "training.save_strategy", \.training.saveStrategy, .choice, .operational,
            "Write a checkpoint each epoch, each save_steps, or never."),
        ConfigurationOption(
            "training.save_steps", \.training.saveSteps, .optional(.integer(1...Int.max)), .operational,
            "Updates between checkpoints."),
        ConfigurationOption(
            "training.save_total_limit", \.training.saveTotalLimit, .optional(.integer(1...Int.max)),
            .operational, "Keep so many checkpoints, the last and the best always; null: all."),
        ConfigurationOption(
            "training.matmul_precision", \.training.matmulPrecision, .choice, .result,
            "Products with frozen weights: highest, of floats; high, of floats as two bfloat16s each, several times as fast "
                + "on processors with AMX and slower on others."),
        ConfigurationOption(
            "training.keep_split_weights", \.training.keepSplitWeights, .boolean, .operational,
            "Whether matmul_precision high keeps frozen weights split, for both directions, instead of splitting them for "
                + "each shard: a fifth faster for twice the layers' size in every worker, the same bytes."),
        ConfigurationOption(
            "training.recompute", \.training.recompute, .boolean, .operational,
            "Whether decoders compute activations again in backward, layer by layer, instead of keeping them: less memory "
                + "for a third more time, the same bytes."),
        ConfigurationOption(
            "training.trace_dir", \.training.traceDirectory, .optional(.text), .operational,
            "A folder that gets the fine-tuning step by step, for deploy/compare/same_training.py; null: none."),
    ]
}
