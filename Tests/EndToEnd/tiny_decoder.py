#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Writes what a tiny run of text generation needs: a four-layer Llama with random weights and the vocabulary of a
committed BERT, two JSONL files and run.yaml.

    python3 tiny_decoder.py VECTORS FOLDER
"""

import json
import pathlib
import random
import shutil
import struct
import sys

vectors, folder = (pathlib.Path(argument) for argument in sys.argv[1:3])
source = vectors / "bert" / "models" / "small"
model = folder / "model"
model.mkdir(parents=True, exist_ok=True)
shutil.copy(source / "vocab.txt", model)
shutil.copy(source / "tokenizer_config.json", model)
words = (source / "vocab.txt").read_text().split("\n")
hidden, heads, key_heads, head_size, wide, layers, vocabulary = 24, 4, 2, 6, 36, 4, len(words)
(model / "config.json").write_text(json.dumps(dict(
    architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=hidden, num_attention_heads=heads,
    num_key_value_heads=key_heads, head_dim=head_size, intermediate_size=wide, num_hidden_layers=layers,
    vocab_size=vocabulary, max_position_embeddings=64, rms_norm_eps=1e-5, hidden_act="silu", tie_word_embeddings=True,
    rope_theta=100.0, eos_token_id=words.index("[SEP]"), bos_token_id=words.index("[CLS]"))))

draw = random.Random(11)
tensors = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden]}
for layer in range(layers):
    path = f"model.layers.{layer}."
    for name, shape in (("self_attn.q_proj", [heads * head_size, hidden]), ("self_attn.k_proj", [key_heads * head_size, hidden]),
                        ("self_attn.v_proj", [key_heads * head_size, hidden]), ("self_attn.o_proj", [hidden, heads * head_size]),
                        ("mlp.gate_proj", [wide, hidden]), ("mlp.up_proj", [wide, hidden]), ("mlp.down_proj", [hidden, wide]),
                        ("input_layernorm", [hidden]), ("post_attention_layernorm", [hidden])):
        tensors[f"{path}{name}.weight"] = shape
entries, body = {}, b""
for name, shape in sorted(tensors.items()):
    count = shape[0] * shape[-1] if len(shape) == 2 else shape[0]
    centre, spread = (1, 0.2) if "norm" in name else (0, 0.5 if "embed" in name else 0.25)
    content = struct.pack(f"<{count}f", *(draw.gauss(centre, spread) for _ in range(count)))
    entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
    body += content
text = json.dumps(entries).encode()
text += b" " * (-len(text) % 8)
(model / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)

letters = "abcdefghijklmnopqrstuvwxyz"
for name, count in (("train.jsonl", 96), ("dev.jsonl", 20)):
    rows = []
    for _ in range(count):
        said = draw.choices(letters, k=draw.randint(1, 9))
        rows.append(json.dumps({"mr": " ".join(said), "ref": " ".join(reversed(said))}))
    (folder / name).write_text("".join(row + "\n" for row in rows))

(folder / "run.yaml").write_text(f"""\
model: {model}
task:
  type: generation
  train: {folder}/train.jsonl
  validation: {folder}/dev.jsonl
  prompt: "the {{mr}}:\\nnot"
  completion: " {{ref}}"
lora: {{ rank: 2, alpha: 4, dropout: 0.1 }}
lora_drop: {{ sample_ratio: 0.5, threshold: 0.4, probe_epochs: 2 }}
training:
  epochs: 2
  batch_size: 16
  shard_tokens: 48
  learning_rate: 0.01
  max_sequence_length: 32
""")
