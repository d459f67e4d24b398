#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Writes what a tiny run needs: a four-layer model, made of the committed two-layer one, two TSV files and run.yaml.

    python3 tiny_run.py VECTORS FOLDER [FAMILY TARGETS]

FAMILY is a folder of VECTORS, bert unless it is given; TARGETS its names of what gets a LoRA, with commas. The upper
layers are those of the committed model with their weights turned round, so that all four differ.
"""

import json
import pathlib
import random
import shutil
import struct
import sys

vectors, folder = (pathlib.Path(argument) for argument in sys.argv[1:3])
family, targets = sys.argv[3:] or ("bert", "query, value, output.dense")
source = vectors / family / "models" / "small"
model = folder / "model"
model.mkdir(parents=True, exist_ok=True)
shutil.copy(source / "vocab.txt", model)
shutil.copy(source / "tokenizer_config.json", model)
configuration = json.loads((source / "config.json").read_text())
configuration["n_layers" if family == "distilbert" else "num_hidden_layers"] = 4
(model / "config.json").write_text(json.dumps(configuration))

data = (source / "model.safetensors").read_bytes()
(length,) = struct.unpack("<Q", data[:8])
header = json.loads(data[8 : 8 + length])
tensors = {}
for name, entry in header.items():
    if name == "__metadata__":
        continue
    begin, end = entry["data_offsets"]
    content = data[8 + length + begin : 8 + length + end]
    tensors[name] = (entry["shape"], content)
    for layer in (0, 1):
        if f".layer.{layer}." in name:
            values = [content[i : i + 4] for i in range(0, len(content), 4)]
            upper = name.replace(f".layer.{layer}.", f".layer.{layer + 2}.")
            tensors[upper] = (entry["shape"], b"".join(reversed(values)))
entries, body = {}, b""
for name in sorted(tensors):
    shape, content = tensors[name]
    entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
    body += content
text = json.dumps(entries).encode()
text += b" " * (-len(text) % 8)
(model / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)

draw = random.Random(7)
glad, sad = "joy fun sun bed egg".split(), "woe mud fog ash rot".split()
rest = "a cat ran up the hill and sat by an old tree".split()
for name, count in (("train.tsv", 96), ("dev.tsv", 20)):
    lines = []
    for row in range(count):
        words = draw.choices(rest, k=draw.randint(1, 9)) + [draw.choice(glad if row % 2 else sad)]
        draw.shuffle(words)
        lines.append(" ".join(words) + f"\t{row % 2}\n")
    (folder / name).write_text("".join(lines))

(folder / "run.yaml").write_text(f"""\
model: {model}
task:
  type: classification
  train: {folder}/train.tsv
  validation: {folder}/dev.tsv
  header: false
  columns: {{ text: 0, label: 1 }}
  metric: accuracy
lora: {{ rank: 2, alpha: 4, dropout: 0.1, target_modules: [{targets}] }}
lora_drop: {{ sample_ratio: 0.5, threshold: 0.4, probe_epochs: 2 }}
training:
  epochs: 2
  batch_size: 16
  shard_tokens: 24
  learning_rate: 1.0e-2
  max_sequence_length: 32
  logging_steps: 1
  save_total_limit: 2
output_dir: {folder}/out
cluster: {{ shutdown_timeout: 5 }}
""")
