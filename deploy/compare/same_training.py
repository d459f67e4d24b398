#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Does PyTorch + PEFT, from the same initial tensors and in the same batch order, have the same losses?

    loradrop simulate --config cola.yaml --lora-drop.threshold 1 --training.max-steps 100 --training.trace-dir TRACE …
    python same_training.py --model DIR --train train.tsv --header false --text-column 3 --label-column 1 \\
        --trace TRACE --curve curve.tsv

TRACE holds the fine-tuning phase:
  initial/        the adapter before the first step, in PEFT's files
  settings.json   learning_rate, head_learning_rate, weight_decay, adam_beta1, adam_beta2, adam_epsilon,
                  max_gradient_norm (0: no clipping), schedule (linear, cosine, constant), warmup_steps, total_steps,
                  max_sequence_length, labels ([] for a regression), shared_layers ([] for plain LoRA)
  steps.jsonl     one object a step: step (from 0), examples (rows of the training file, from 0), loss (mean over the
                  batch, before the update, all digits), learning_rate, gradient_norm (before clipping)

The learning rates are computed anew here from the settings and must be those of the trace. Exit code 1 if a loss, or a
rate, differs by more than the tolerance.
"""
import argparse
import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer

import peer

SCHEDULES = {
    "linear": transformers.get_linear_schedule_with_warmup,
    "cosine": transformers.get_cosine_schedule_with_warmup,
    "constant": lambda optimiser, warmup, _: transformers.get_constant_schedule_with_warmup(optimiser, warmup),
}


def tie(model, layers):
    """Makes these layers use one A and B per module name: the first one's, as LoRA-drop's shared set."""
    owners = {}
    for path, module in model.named_modules():
        if hasattr(module, "lora_A") and ".layer." in path:
            layer, name = path.split(".layer.")[1].split(".", 1)
            if int(layer) in layers:
                owner = owners.setdefault(name, module)
                module.lora_A, module.lora_B = owner.lora_A, owner.lora_B


def replay(options, settings, steps):
    """The peer's (loss, learning rate, gradient norm) of every step."""
    model = peer.load_adapter(options.model, Path(options.trace) / "initial", trainable=True)
    tie(model, settings["shared_layers"])
    options.max_sequence_length = settings["max_sequence_length"]
    rows = peer.read_rows(options.train, options)
    encoded = peer.tokenise(AutoTokenizer.from_pretrained(options.model), rows, options)
    labels = settings["labels"]
    lora = [p for n, p in model.named_parameters() if p.requires_grad and "lora_" in n]
    head = [p for n, p in model.named_parameters() if p.requires_grad and "lora_" not in n]
    optimiser = torch.optim.AdamW(
        [dict(params=lora, lr=settings["learning_rate"]), dict(params=head, lr=settings["head_learning_rate"])],
        betas=(settings["adam_beta1"], settings["adam_beta2"]), eps=settings["adam_epsilon"], weight_decay=settings["weight_decay"])
    schedule = SCHEDULES[settings["schedule"]](optimiser, settings["warmup_steps"], settings["total_steps"])
    model.train()  # dropout is 0 in `peer.base_model`
    for step in steps:
        indexes = step["examples"]
        targets = torch.tensor([labels.index(rows[i][2]) if labels else float(rows[i][2]) for i in indexes])
        loss = model(**peer.padded(encoded, indexes), labels=targets).loss
        loss.backward()
        limit = settings["max_gradient_norm"] or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(lora + head, limit)
        rate = schedule.get_last_lr()[0]
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        yield loss.item(), rate, norm.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peer.add_data_options(parser, file_flag="--train")
    parser.add_argument("--trace", required=True)
    parser.add_argument("--curve", help="gets both losses of every step as TSV")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    peer.quiet()
    trace = Path(options.trace)
    settings = json.loads((trace / "settings.json").read_text())
    steps = [json.loads(line) for line in (trace / "steps.jsonl").read_text().splitlines()][:options.steps]
    if [s["step"] for s in steps] != list(range(options.steps)):
        sys.exit(f"error: {trace}/steps.jsonl has {len(steps)} steps, or not from 0 in order; expected {options.steps}")
    curve, worst, worst_norm, faults = [], (0.0, 0), (0.0, 0), []
    for step, (loss, rate, norm) in zip(steps, replay(options, settings, steps)):
        difference = abs(step["loss"] - loss)
        worst = max(worst, (difference, step["step"]))
        worst_norm = max(worst_norm, (abs(step["gradient_norm"] - norm) / norm, step["step"]))
        curve.append((step["step"], step["loss"], loss, step["loss"] - loss, step["gradient_norm"], norm))
        if not difference <= options.tolerance:
            faults.append(f"step {step['step']}: loss {step['loss']:.6f}, the peer's {loss:.6f}")
        if not abs(step["learning_rate"] - rate) <= 1e-6 * settings["learning_rate"]:
            faults.append(f"step {step['step']}: learning rate {step['learning_rate']}, transformers' {rate}")
        if step["step"] % 10 == 0:
            print(f"step {step['step']}: loss {step['loss']:.6f}, the peer's {loss:.6f}", flush=True)
    if options.curve:
        lines = ["step\tours\tpeer\tdifference\tour_gradient_norm\tpeer_gradient_norm"]
        lines += [f"{s}\t{a:.6f}\t{b:.6f}\t{d:+.2e}\t{g:.6f}\t{n:.6f}" for s, a, b, d, g, n in curve]
        Path(options.curve).write_text("\n".join(lines) + "\n")
    print(f"{len(curve)} steps: largest difference of a loss {worst[0]:.2e} (step {worst[1]}), tolerance "
          f"{options.tolerance:.0e}; of a gradient norm, relative, {worst_norm[0]:.2e} (step {worst_norm[1]})")
    for fault in faults[:10]:
        print("FAILED:", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
