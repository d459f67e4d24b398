//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension ConfigurationOption {
    static let modelOptions: [ConfigurationOption] = [
        ConfigurationOption(
            "model", \.model, .text, .result,
            "The base model: a Hugging Face folder with config.json, *.safetensors and tokenizer.json or vocab.txt."),
        ConfigurationOption(
            "model_options.train_pooler", \.modelOptions.trainPooler, .boolean, .result,
            "Train and save BERT's pooler, drawn where the model lacks it; else such a model is refused. In other "
                + "families the dense layer before the classifier is always trained."),
    ]

    static let taskOptions: [ConfigurationOption] = [
        ConfigurationOption(
            "task.name", \.task.name, .optional(.glueTask), .result,
            "A task of GLUE: sets type, format, header, quoting, columns, labels and metric for its TSV files, as far as "
                + "they are not given. As a flag also --task-name."),
        ConfigurationOption(
            "task.data_dir", \.task.dataDirectory, .optional(.text), .result,
            "The folder of task.name's files: sets train to its train.tsv and validation to its dev.tsv, of MNLI "
                + "dev_matched.tsv, as far as they are not given. As a flag also --data-dir."),
        ConfigurationOption(
            "task.type", \.task.kind, .choice, .result, "Tell a class, a number, or go on with a text."),
        ConfigurationOption(
            "task.train", \.task.train, .optional(.text), .result, "The training file; a training needs it."
        ),
        ConfigurationOption(
            "task.validation", \.task.validation, .optional(.text), .result,
            "The file that evaluations use."),
        ConfigurationOption(
            "task.format", \.task.format, .optional(.choice, none: "auto"), .result,
            "How the data files are written; auto goes by the name (.tsv .tab .txt .csv .jsonl .ndjson)."),
        ConfigurationOption(
            "task.header", \.task.header, .boolean, .result,
            "Whether the first line of a TSV or CSV file names the columns."),
        ConfigurationOption(
            "task.quoting", \.task.quoting, .optional(.boolean, none: "auto"), .result,
            "Whether double quotes enclose fields; auto: in CSV yes, in TSV no."),
        ConfigurationOption(
            "task.columns.text", \.task.textColumn, .textIfNeeded, .result,
            "The text: a name of the header, a key of the JSON objects, or a 0-based number."),
        ConfigurationOption(
            "task.columns.text_pair", \.task.textPairColumn, .optional(.text), .result,
            "The second text, for tasks on pairs."),
        ConfigurationOption(
            "task.columns.label", \.task.labelColumn, .optional(.text), .result,
            "The class or score; training and evaluation need it."),
        ConfigurationOption(
            "task.prompt", \.task.prompt, .template, .result,
            "What a generation starts from: text, with columns in braces."),
        ConfigurationOption(
            "task.completion", \.task.completion, .template, .result,
            "What a generation is to say after the prompt, usually with a space in front; only it is learnt."),
        ConfigurationOption(
            "task.labels", \.task.labels, .list(of: .text), .result,
            "The classes in the order of the logits; empty: the sorted distinct labels of the training set."),
        ConfigurationOption(
            "task.metric", \.task.metric, .optional(.metric, none: "auto"), .result,
            "What tells the best evaluation; auto: accuracy, pearson for a regression, or perplexity for a generation. "
                + "As a flag also --metric."),
        ConfigurationOption(
            "task.positive_label", \.task.positiveLabel, .optional(.text), .result,
            "The class that f1 counts as positive; null: the second of the labels."),
    ]
}
