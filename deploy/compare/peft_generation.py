#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""The peer of `generation_quality.py`: a language model with PEFT's LoRA, trained on completions only."""
import json
import math
from pathlib import Path

import peft
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, get_linear_schedule_with_warmup

from peer import quiet

UNREAD = -100


class PEFTRun:
    """Prompt and completion are tokenised each for itself, the completion ends with the end token, and the loss is the
    mean over a batch's completion tokens: what `loradrop` does."""

    def __init__(self, options, folder, prompt, completion):
        quiet()
        self.options, self.folder = options, Path(folder)
        self.prompt, self.completion = prompt, completion
        self.tokenizer = AutoTokenizer.from_pretrained(options.model)
        self.model = None

    def base(self):
        return AutoModelForCausalLM.from_pretrained(self.options.model, dtype=torch.float32)

    def rows(self, name):
        """(tokens, the completion's first place) of every row."""
        found = []
        for line in (self.folder / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            before = self.tokenizer(self.prompt.format(**row)).input_ids
            after = self.tokenizer(self.completion.format(**row), add_special_tokens=False).input_ids
            tokens = before + after + [self.tokenizer.eos_token_id]
            found.append((tokens[:self.options.max_sequence_length], len(before)))
        return found

    @staticmethod
    def padded(rows):
        longest = max(len(tokens) for tokens, _ in rows)
        ids = torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens, _ in rows])
        mask = torch.tensor([[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens, _ in rows])
        labels = torch.tensor([[UNREAD] * first + tokens[first:] + [UNREAD] * (longest - len(tokens))
                               for tokens, first in rows])
        return {"input_ids": ids, "attention_mask": mask}, labels

    def loss_sum(self, rows):
        """The sum of the completions' losses, and how many tokens they have."""
        inputs, labels = self.padded(rows)
        logits = self.model(**inputs).logits[:, :-1]
        wanted = labels[:, 1:]
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1), ignore_index=UNREAD, reduction="sum")
        return loss, int((wanted != UNREAD).sum())

    def train(self, seed):
        """Trains a fresh LoRA; returns how many parameters it has."""
        o = self.options
        torch.manual_seed(seed)
        self.model = peft.get_peft_model(self.base(), peft.LoraConfig(
            task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"]))
        rows = self.rows("train")
        steps = o.epochs * math.ceil(len(rows) / o.batch_size)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=o.learning_rate, weight_decay=0.0)
        schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(0.06 * steps), steps)
        generator = torch.Generator().manual_seed(seed)
        self.model.train()
        step = 0
        for _ in range(o.epochs):
            order = torch.randperm(len(rows), generator=generator).tolist()
            for start in range(0, len(rows), o.batch_size):
                loss, count = self.loss_sum([rows[i] for i in order[start:start + o.batch_size]])
                (loss / count).backward()
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                if step % 50 == 0:
                    print(f"PEFT, seed {seed}: step {step} of {steps}, loss {loss.item() / count:.4f}", flush=True)
                step += 1
        return sum(p.numel() for p in trained)

    def load(self, adapter):
        self.model = peft.PeftModel.from_pretrained(self.base(), str(adapter))

    def perplexity(self):
        """Of every completion token of the validation."""
        self.model.eval()
        rows = sorted(self.rows("validation"), key=lambda row: len(row[0]))
        with torch.no_grad():
            sums = [self.loss_sum(rows[start:start + 32]) for start in range(0, len(rows), 32)]
        return math.exp(sum(loss.item() for loss, _ in sums) / sum(count for _, count in sums))

    def generate(self):
        """One text a prompt, greedily, each alone so that nothing is padded."""
        self.model.eval()
        texts = []
        with torch.no_grad():
            for tokens, first in self.rows("prompts"):
                found = self.model.generate(
                    input_ids=torch.tensor([tokens[:first]]), attention_mask=torch.ones(1, first, dtype=torch.long),
                    max_new_tokens=self.options.new_tokens, do_sample=False, num_beams=1,
                    eos_token_id=self.tokenizer.eos_token_id, pad_token_id=self.tokenizer.eos_token_id)
                texts.append(self.tokenizer.decode(found[0, first:], skip_special_tokens=True))
        return texts
