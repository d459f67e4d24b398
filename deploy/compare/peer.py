#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""What the comparison scripts share: data files read by loradrop's rules, PEFT models, and the two held together."""
import csv
import io
import json
import subprocess
import sys
import warnings
from pathlib import Path

import peft
import safetensors
import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer


# --- the command line -------------------------------------------------------------------------------------------------

def add_data_options(parser, file_flag="--file"):
    parser.add_argument("--model", required=True, help="Hugging Face folder of the base model")
    parser.add_argument(file_flag, required=True, help="TSV, CSV or JSONL")
    parser.add_argument("--text-column", default="0", help="name, or 0-based number where there is no header")
    parser.add_argument("--text-pair-column")
    parser.add_argument("--label-column", default="1")
    parser.add_argument("--header", choices=("true", "false"), default="true")
    parser.add_argument("--labels", default="", help="comma-separated, in the order of the logits; empty: "
                        "lora_drop.json's, else the sorted distinct labels of the data")
    parser.add_argument("--max-sequence-length", type=int, default=128)


def column_flags(options):
    """The same columns as flags of `loradrop`."""
    flags = ["--task.header", options.header, "--task.columns.text", options.text_column,
             "--task.columns.label", options.label_column]
    return flags + (["--task.columns.text-pair", options.text_pair_column] if options.text_pair_column else [])


def run(command):
    """Runs a program, showing what it is; ends this one if it fails."""
    print("+", " ".join(command), flush=True)
    code = subprocess.run(command, check=False).returncode
    if code != 0:
        sys.exit(f"error: {command[0]} ended with exit code {code}")


def quiet():
    warnings.filterwarnings("ignore", category=FutureWarning)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


# --- data -------------------------------------------------------------------------------------------------------------

def read_rows(path, options):
    """(text, second text or None, label or None) of every row. Lines end at LF only; in TSV quotes are characters."""
    content = Path(path).read_bytes().decode("utf-8").removeprefix("\ufeff")
    wanted = [options.text_column, options.text_pair_column, options.label_column]
    if Path(path).suffix in (".jsonl", ".ndjson"):
        objects = [json.loads(line) for line in content.split("\n") if line.strip()]
        return [tuple(None if c is None or c not in o else o[c] if isinstance(o[c], str) else json.dumps(o[c])
                      for c in wanted) for o in objects]
    if Path(path).suffix == ".csv":
        table = list(csv.reader(io.StringIO(content, newline="")))
    else:
        table = [line.removesuffix("\r").split("\t") for line in content.rstrip("\r\n").split("\n")]
    names = table.pop(0) if options.header == "true" else []
    places = [None if c is None else names.index(c) if c in names else int(c) for c in wanted]
    return [tuple(None if p is None or p >= len(row) else row[p] for p in places) for row in table]


def label_list(options, adapter, rows):
    """The class names in the order of the logits."""
    if options.labels:
        return options.labels.split(",")
    facts = Path(adapter) / "lora_drop.json" if adapter else None
    if facts and facts.exists() and json.loads(facts.read_text()).get("labels"):
        return json.loads(facts.read_text())["labels"]
    distinct = {row[2] for row in rows}
    if all(name.lstrip("-").isdigit() and str(int(name)) == name for name in distinct):
        return sorted(distinct, key=int)
    return sorted(distinct)


def tokenise(tokenizer, rows, options):
    """Token ids of every row, and types where the model has several, truncated as transformers does (longest first), not
    padded."""
    types = getattr(AutoConfig.from_pretrained(options.model), "type_vocab_size", 0) > 1
    pairs = [row[1] for row in rows] if options.text_pair_column else None
    tokenizer.truncation_side = "right"
    return tokenizer([row[0] for row in rows], pairs, truncation=True, max_length=options.max_sequence_length,
                     padding=False, return_token_type_ids=types)


def padded(encoded, indexes):
    """The tensors of some rows, padded to the longest of them."""
    longest = max(len(encoded["input_ids"][i]) for i in indexes)
    def pad(key, fill):
        return torch.tensor([encoded[key][i] + [fill] * (longest - len(encoded[key][i])) for i in indexes])
    return {key: pad(key, 0) for key in ("input_ids", "token_type_ids", "attention_mask") if key in encoded}


# --- models -----------------------------------------------------------------------------------------------------------

def base_model(folder, label_count):
    config = AutoConfig.from_pretrained(folder, num_labels=label_count)
    # Every family has its own names for the base model's dropout.
    for key in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout",
                "attention_dropout", "seq_classif_dropout"):
        if hasattr(config, key):
            setattr(config, key, 0.0)
    return AutoModelForSequenceClassification.from_pretrained(
        folder, config=config, dtype=torch.float32, ignore_mismatched_sizes=True)


def adapter_label_count(adapter):
    """How many logits an adapter's classifier has."""
    with safetensors.safe_open(Path(adapter) / "adapter_model.safetensors", "pt") as file:
        heads = [k for k in file.keys() if k.endswith((".classifier.weight", ".classifier.out_proj.weight"))]
        if len(heads) != 1:
            sys.exit(f"error: {adapter} has {len(heads)} classifiers (…classifier.weight, …out_proj.weight); expected 1")
        return file.get_slice(heads[0]).get_shape()[0]


def load_adapter(model_folder, adapter, trainable=False):
    """`PeftModel.from_pretrained`, refusing an adapter whose tensors it would pass over."""
    model = base_model(model_folder, adapter_label_count(adapter))
    model = peft.PeftModel.from_pretrained(model, adapter, is_trainable=trainable)
    expected = set(peft.get_peft_model_state_dict(model))
    with safetensors.safe_open(Path(adapter) / "adapter_model.safetensors", "pt") as file:
        found = set(file.keys())
    if expected != found:
        sys.exit(f"error: PEFT's names differ from the file's; only PEFT: {sorted(expected - found)[:5]}, "
                 f"only the file: {sorted(found - expected)[:5]}")
    return model


def all_logits(model, encoded, batch_size=64):
    """Logits of every row in file order; rows of like length together, so that little is padded."""
    order = sorted(range(len(encoded["input_ids"])), key=lambda i: len(encoded["input_ids"][i]))
    rows = [None] * len(order)
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            indexes = order[start:start + batch_size]
            for i, logits in zip(indexes, model(**padded(encoded, indexes)).logits.tolist()):
                rows[i] = logits
    return rows


# --- comparison -------------------------------------------------------------------------------------------------------

def compare_predictions(logits, predictions, labels, tolerance):
    """Prints how `loradrop predict`'s file differs from `logits`; true where every row agrees."""
    records = [json.loads(line) for line in Path(predictions).read_text().split("\n") if line]
    if len(records) != len(logits):
        print(f"FAILED: {predictions} has {len(records)} rows, the data file {len(logits)}")
        return False
    if len(logits[0]) > 1 and len(labels) != len(logits[0]):
        sys.exit(f"error: {len(logits[0])} logits, but the labels {labels}; give --labels in the logits' order")
    worst, faults = (0.0, 0), []
    for i, (record, expected) in enumerate(zip(records, logits)):
        found = record["logits"]
        if record["index"] != i:
            faults.append(f"row {i}: index {record['index']}")
        elif len(found) != len(expected):
            faults.append(f"row {i}: {len(found)} logits, PEFT has {len(expected)}")
        else:
            difference = max(abs(a - b) for a, b in zip(found, expected))
            worst = max(worst, (difference, i))
            if not difference <= tolerance:
                faults.append(f"row {i}: logits {found}, PEFT's {expected}")
            if len(expected) > 1:
                label = labels[max(range(len(expected)), key=expected.__getitem__)]
                if str(record["label"]) != label:
                    faults.append(f"row {i}: label {record['label']!r}, PEFT's {label!r}, logits {expected}")
    print(f"{len(logits)} rows, labels {labels}: largest difference of a logit {worst[0]:.2e} (row {worst[1]}), "
          f"tolerance {tolerance:.0e}; {len(faults)} faults")
    for fault in faults[:10]:
        print("FAILED:", fault)
    return not faults
