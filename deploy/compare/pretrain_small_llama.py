#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Pre-trains a small Llama and its byte-level BPE tokenizer on public texts, in about ten minutes on two cores.

    python pretrain_small_llama.py --out models/small-llama --source gsm8k/train.jsonl:question,answer \\
        --source sst2/train.tsv:sentence --source cola/train.tsv:3

With --minutes the command stops after so many, and given again it goes on.
Every --source is a file and what columns of it make a text, by name or, in a TSV without a header, by number from 0. The
columns of a row are one text, a line each. TSV, CSV, JSONL and a JSON object of objects are read.
"""
import argparse
import csv
import io
import json
import math
import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

BEGIN, END = "<s>", "</s>"


def rows(path):
    """The rows of a file as dictionaries; those of a TSV without a header have numbers as keys."""
    content = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in content.split("\n") if line.strip()]
    if path.suffix == ".json":
        return list(json.loads(content).values())
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(content, newline="")))
    table = [line.removesuffix("\r").split("\t") for line in content.split("\n") if line]
    named = [dict(zip(table[0], row)) for row in table[1:]]
    return [row | {str(place): value for place, value in enumerate(cells)}
            for row, cells in zip([{}] + named, table)]


def texts(sources, minimum_words):
    """The distinct texts of all sources; those of a few words say little and are left out."""
    found = {}
    for source in sources:
        file, _, columns = source.rpartition(":")
        names = columns.split(",")
        count = len(found)
        for row in rows(Path(file)):
            if all(name in row for name in names):
                text = "\n".join(row[name].strip() for name in names)
                if len(text.split()) >= minimum_words:
                    found[text] = None
        if len(found) == count:
            raise SystemExit(f"error: --source {source}: no text found in columns {names}")
    return list(found)


def train_tokenizer(corpus, vocabulary_size, folder):
    """A byte-level BPE that puts `<s>` before a text, written as tokenizer.json."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=vocabulary_size, special_tokens=[BEGIN, END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN} $B", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BEGIN, "eos_token": END,
        "clean_up_tokenization_spaces": False}, indent=2) + "\n")
    return tokenizer


def blocks(tokenizer, corpus, length):
    """All texts end to end, each between `<s>` and `</s>`, cut into pieces of `length` tokens."""
    end = tokenizer.token_to_id(END)
    tokens = [token for encoding in tokenizer.encode_batch(corpus) for token in encoding.ids + [end]]
    count = len(tokens) // length
    return torch.tensor(tokens[:count * length]).view(count, length)


def rate(step, steps, peak):
    """A warm-up of a twentieth, then a cosine to a tenth."""
    warm = max(1, steps // 20)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * (0.55 + 0.45 * math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def pretrain(o, model, train):
    """True once all steps are done; what was reached otherwise lies in `state.pt`."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=o.learning_rate, betas=(0.9, 0.95), weight_decay=0.1)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(o.seed))
    state = o.out / "state.pt"
    first, before = 0, 0.0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first, before = saved["step"], saved["seconds"]
    began = time.time()
    for step in range(first, o.steps):
        seconds = time.time() - began
        if o.minutes and seconds > 60 * o.minutes:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                        "seconds": before + seconds}, state)
            print(f"stopped before step {step}; give the command again", flush=True)
            return False
        batch = train[[int(order[(step * o.batch_size + i) % len(train)]) for i in range(o.batch_size)]]
        for group in optimizer.param_groups:
            group["lr"] = rate(step, o.steps, o.learning_rate)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 20 == 0 or step == o.steps - 1:
            print(f"step {step} of {o.steps}: loss {loss.item():.3f}, {before + time.time() - began:.0f} s", flush=True)
    state.unlink(missing_ok=True)
    return True


def perplexity(model, held_out):
    model.eval()
    with torch.no_grad():
        losses = [model(input_ids=part, labels=part).loss.item() for part in held_out.split(32)]
    return math.exp(sum(losses) / len(losses))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--source", action="append", required=True, metavar="FILE:COLUMN,…")
    parser.add_argument("--minimum-words", type=int, default=8)
    parser.add_argument("--vocabulary-size", type=int, default=4096)
    parser.add_argument("--hidden-size", type=int, default=192)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--key-value-heads", type=int, default=2)
    parser.add_argument("--intermediate-size", type=int, default=512)
    parser.add_argument("--block", type=int, default=128, help="tokens a row")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, help="stop after so many; given again, the command goes on")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    corpus = texts(o.source, o.minimum_words)
    random.Random(o.seed).shuffle(corpus)
    known = o.out / "tokenizer.json"
    tokenizer = (Tokenizer.from_file(str(known)) if (o.out / "state.pt").exists()
                 else train_tokenizer(corpus, o.vocabulary_size, o.out))
    data = blocks(tokenizer, corpus, o.block)
    held_out, train = data[:128], data[128:]
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=o.hidden_size, intermediate_size=o.intermediate_size,
        num_hidden_layers=o.layers, num_attention_heads=o.heads, num_key_value_heads=o.key_value_heads,
        max_position_embeddings=512, rms_norm_eps=1e-5, tie_word_embeddings=True,
        bos_token_id=tokenizer.token_to_id(BEGIN), eos_token_id=tokenizer.token_to_id(END)))
    print(f"{len(corpus)} texts, {train.numel()} tokens to train on, {o.steps * o.batch_size * o.block} will be; "
          f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    if pretrain(o, model, train):
        print(f"perplexity of {held_out.numel()} tokens held out: {perplexity(model, held_out):.1f}")
        model.save_pretrained(o.out)


if __name__ == "__main__":
    main()
