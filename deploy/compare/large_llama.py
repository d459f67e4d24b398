#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Makes a folder with Llama-2-7B's shape: random BF16 weights in shards, 13.5 GB, and rows that fill 256 tokens.

    python large_llama.py --tokenizer models/small-llama --out /tmp/llama-7b
    loradrop simulate --config /tmp/llama-7b/run.yaml --workers 1 --slots 2 --output-dir /tmp/llama-7b/run

One tensor at a time is in memory. The tokenizer is anyone's with at most 32000 tokens.
"""
import argparse
import json
import random
import shutil
import struct
from pathlib import Path

import numpy

SHARD_BYTES = 3 << 30


def tensors(o):
    """(name, shape) in the order of the files."""
    yield "model.embed_tokens.weight", (o.vocabulary_size, o.hidden_size)
    for layer in range(o.layers):
        path = f"model.layers.{layer}."
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield f"{path}self_attn.{name}.weight", (o.hidden_size, o.hidden_size)
        yield path + "mlp.gate_proj.weight", (o.intermediate_size, o.hidden_size)
        yield path + "mlp.up_proj.weight", (o.intermediate_size, o.hidden_size)
        yield path + "mlp.down_proj.weight", (o.hidden_size, o.intermediate_size)
        yield path + "input_layernorm.weight", (o.hidden_size,)
        yield path + "post_attention_layernorm.weight", (o.hidden_size,)
    yield "model.norm.weight", (o.hidden_size,)
    yield "lm_head.weight", (o.vocabulary_size, o.hidden_size)


def content(shape, draw):
    """BF16: the upper half of a float's bits, rounded; norms are ones."""
    if len(shape) == 1:
        return numpy.full(shape, 0x3F80, dtype=numpy.uint16)
    floats = draw.standard_normal(shape, dtype=numpy.float32)
    floats *= 0.02
    bits = floats.view(numpy.uint32)
    bits += 0x8000
    bits >>= 16
    return bits.astype(numpy.uint16)


def write_weights(o):
    groups, size = [[]], 0
    for name, shape in tensors(o):
        count = 2 * int(numpy.prod(shape))
        if groups[-1] and size + count > SHARD_BYTES:
            groups.append([])
            size = 0
        groups[-1].append((name, shape, count))
        size += count
    draw = numpy.random.Generator(numpy.random.SFC64(1))
    places, total = {}, 0
    for number, group in enumerate(groups, 1):
        file = f"model-{number:05}-of-{len(groups):05}.safetensors"
        entries, offset = {}, 0
        for name, shape, count in group:
            entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + count]}
            places[name] = file
            offset += count
        header = json.dumps(entries).encode()
        header += b" " * (-len(header) % 8)
        with open(o.out / file, "wb") as out:
            out.write(struct.pack("<Q", len(header)) + header)
            for _, shape, _ in group:
                content(shape, draw).tofile(out)
        total += offset
        print(f"{file}: {offset / 1e9:.2f} GB", flush=True)
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (o.out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_rows(o):
    """Four rows, longer than any sequence that is trained on: two for the probe, and two steps of two."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 7))) for _ in range(500)]
    with open(o.out / "train.jsonl", "w", encoding="utf-8") as file:
        for _ in range(4):
            file.write(json.dumps({"prompt": " ".join(draw.choices(words, k=8)),
                                   "completion": " " + " ".join(draw.choices(words, k=400))}) + "\n")
    (o.out / "run.yaml").write_text(json.dumps({
        "model": str(o.out), "task": {"type": "generation", "train": str(o.out / "train.jsonl")},
        "lora_drop": {"sample_ratio": 0.5, "threshold": 0.9, "probe_epochs": 1},
        "training": {"epochs": 1, "batch_size": 2, "learning_rate": 1e-3, "warmup_ratio": 0, "max_sequence_length": 256,
                     "logging_steps": 1, "save_strategy": "no"}}, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, type=Path, help="a folder with tokenizer.json")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--hidden-size", type=int, default=4096)
    parser.add_argument("--intermediate-size", type=int, default=11008)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--vocabulary-size", type=int, default=32000)
    o = parser.parse_args()
    o.out = o.out.resolve()
    o.out.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(o.tokenizer / name, o.out / name)
    (o.out / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": o.hidden_size,
        "intermediate_size": o.intermediate_size, "num_hidden_layers": o.layers, "num_attention_heads": o.heads,
        "num_key_value_heads": o.heads, "vocab_size": o.vocabulary_size, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False, "torch_dtype": "bfloat16"}, indent=2)
        + "\n")
    write_weights(o)
    write_rows(o)


if __name__ == "__main__":
    main()
