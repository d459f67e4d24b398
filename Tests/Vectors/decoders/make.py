#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Makes the known answers for the decoders: tiny random models, adapters, and what PyTorch, transformers and PEFT
compute with them in float64.

    python make.py            # writes models/, cases/, versions.txt beside this file
    python make.py --float32  # also says how far PyTorch's own float32 is from these answers

What each file holds is in ../README.md. Every weight and every adapter value is exactly representable in the dtype
it is stored in. transformers computes an RMSNorm in float32 whatever the model's dtype is; here it is computed in the
model's. Cosines and sines of the rotary embeddings stay those of its float32 angles. Every example runs alone: with the
dynamic scaling, transformers' answer would depend on the company and on what came before.
"""
import argparse
import json
import math
import platform
import shutil
from pathlib import Path

import numpy
import peft
import safetensors
import safetensors.torch
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.mistral.modeling_mistral import MistralRMSNorm
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

HERE = Path(__file__).resolve().parent
ADAPTER_RANK, ALPHA = 4, 8
QUERY_VALUE = ["q_proj", "v_proj"]
ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

BASE = dict(vocab_size=59, hidden_size=24, intermediate_size=34, num_hidden_layers=2, num_attention_heads=3,
            num_key_value_heads=3, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=None,
            tie_word_embeddings=False)
GROUPED = dict(BASE, hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=6)
THETA = dict(rope_theta=100.0)  # a small base, so that short texts turn every pair of columns
LLAMA3 = dict(THETA, rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
YARN = dict(THETA, rope_type="yarn", factor=4.0, beta_fast=8.0, beta_slow=1.0, original_max_position_embeddings=16)
MODELS = {  # name: (seed, model type, configuration, dtype, labels, shards)
    "llama": (1, "llama", dict(BASE, rope_parameters=THETA), "float32", None, 1),
    "llama-biased": (2, "llama", dict(GROUPED, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
                                      rope_parameters=dict(THETA, rope_type="linear", factor=2.5)), "float32", None, 1),
    "llama-dynamic": (3, "llama", dict(GROUPED, max_position_embeddings=12,
                                       rope_parameters=dict(THETA, rope_type="dynamic", factor=3.0)), "float32", None, 1),
    "llama3-bf16": (4, "llama", dict(GROUPED, num_key_value_heads=1, rope_parameters=LLAMA3), "bfloat16", None, 2),
    "llama-yarn": (5, "llama", dict(BASE, num_hidden_layers=3, rope_parameters=YARN), "float32", None, 1),
    "mistral-f16": (6, "mistral", dict(GROUPED, sliding_window=5, rope_parameters=THETA), "float16", None, 1),
    "qwen2": (7, "qwen2", dict(BASE, num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=True,
                               num_hidden_layers=3, use_sliding_window=True, sliding_window=4, max_window_layers=1,
                               rope_parameters=THETA), "float32", None, 1),
    "qwen3": (8, "qwen3", dict(GROUPED, num_hidden_layers=3, rope_parameters=THETA), "float32", None, 1),
    "llama-labels": (9, "llama", dict(BASE, rope_parameters=THETA), "float32", 3, 1),
    "qwen2-score": (10, "qwen2", dict(BASE, rope_parameters=THETA), "bfloat16", 1, 1),
}


def norm_in_own_precision(self, hidden):
    scale = torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
    return self.weight * (hidden * scale)


# --- models -----------------------------------------------------------------------------------------------------------

def make_model(name):
    """A random model whose weights are large enough that no part of a gradient is trivial, rounded to its dtype."""
    seed, kind, fields, dtype, labels, _ = MODELS[name]
    config = transformers.AutoConfig.for_model(kind, attn_implementation="sdpa", **json.loads(json.dumps(fields)))
    if labels is not None:
        config.num_labels = labels
    maker = AutoModelForCausalLM if labels is None else AutoModelForSequenceClassification
    model = maker.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in sorted(model.named_parameters()):
            noise = torch.randn(value.shape, generator=generator)
            if "norm" in key:
                value.copy_(1 + 0.2 * noise)
            elif key.endswith("bias"):
                value.copy_(0.2 * noise)
            else:
                value.copy_((0.7 if "embed" in key else 0.3) * noise)
            value.copy_(value.to(getattr(torch, dtype)).float())
    return model.eval()


def save_model(name):
    _, _, _, dtype, _, shards = MODELS[name]
    folder = HERE / "models" / name
    model = make_model(name).to(getattr(torch, dtype))
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    model.save_pretrained(folder, max_shard_size=size // shards + 4096 if shards > 1 else "5GB")
    (folder / "generation_config.json").unlink(missing_ok=True)


# --- adapters ---------------------------------------------------------------------------------------------------------

def add_adapter(model, targets, seed, own, labels):
    """PEFT's adapter with random A and non-zero B, its layers outside `own` tied to one A and B a module name."""
    config = peft.LoraConfig(task_type="CAUSAL_LM" if labels is None else "SEQ_CLS", r=ADAPTER_RANK, lora_alpha=ALPHA,
                             lora_dropout=0.0, target_modules=list(targets))
    model = peft.get_peft_model(model, config)
    model.peft_config["default"].base_model_name_or_path = ""
    if own is not None:
        first = {}
        for path, module in lora_modules(model):
            layer, name = split_path(path)
            if layer not in own:
                owner = first.setdefault(name, module)
                module.lora_A, module.lora_B = owner.lora_A, owner.lora_B
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in trained(model):
            noise = torch.randn(value.shape, generator=generator)
            value.copy_({"A": 1 / math.sqrt(value.shape[-1]), "B": 0.2}.get(name.split(".lora_")[-1][0], 0.25) * noise
                        if "lora_" in name else 0.25 * noise)
    return model


def lora_modules(model):
    return [(n, m) for n, m in model.named_modules() if isinstance(m, peft.tuners.lora.Linear)]


def split_path(path):
    """`…layers.3.self_attn.q_proj` as (3, `self_attn.q_proj`)."""
    layer, name = path.split("model.layers.")[1].split(".", 1)
    return int(layer), name


def trained(model):
    """Trainable tensors under the names that PEFT gives them in its file; tied ones once, under the lowest layer."""
    def file_name(n):
        return n.replace(".default", "").replace(".modules_to_save", "")
    return [(file_name(n), p) for n, p in model.named_parameters() if p.requires_grad]


# --- answers ----------------------------------------------------------------------------------------------------------

def forget_lengths(model):
    """The dynamic scaling keeps the frequencies of the longest text so far: every example starts anew."""
    for module in model.modules():
        if hasattr(module, "original_inv_freq"):
            module.inv_freq = module.original_inv_freq.clone()
            module.max_seq_len_cached = module.original_max_seq_len


def run(model, ids):
    forget_lengths(model)
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def answers(model, batch, labels):
    """Logits where they are read, the loss, and every gradient."""
    model.zero_grad()
    logits, total, count = [], 0, 0
    for row, ids in enumerate(batch["input_ids"]):
        found = run(model, ids)
        if labels is None:
            first = max(batch["completions"][row], 1)
            read, targets = found[first - 1:-1], torch.tensor(ids[first:], dtype=torch.long)
            total, count = total + torch.nn.functional.cross_entropy(read, targets, reduction="sum"), count + len(targets)
            logits.append(read)
        else:
            label = batch["labels"][row]
            total = total + ((found[0] - label) ** 2 if labels == 1
                             else torch.nn.functional.cross_entropy(found, torch.tensor(label)))
            count += 1
            logits.append(found[None])
    (total / count).backward()
    return (torch.cat(logits).detach(), (total / count).item(), count,
            {n: p.grad.clone() for n, p in trained(model)})


def importance(model, batch):
    """Σ ‖s·B·A·x‖² over all tokens, for every adapted projection."""
    sums = {}
    def listen(path, module):
        path = path.removeprefix("base_model.model.")
        def hook(_, arguments):
            branch = module.lora_B["default"](module.lora_A["default"](arguments[0])) * module.scaling["default"]
            sums[path] = sums.get(path, 0) + branch.square().sum().item()
        return module.register_forward_pre_hook(hook)
    hooks = [listen(path, module) for path, module in lora_modules(model)]
    with torch.no_grad():
        for ids in batch["input_ids"]:
            run(model, ids)
    for hook in hooks:
        hook.remove()
    return sums


def generations(model, prompts, limit):
    """Greedy and beam search by transformers, without the prompt and with the token that ends a text."""
    def generate(**options):
        rows = []
        for ids in prompts:
            forget_lengths(model)
            found = model.generate(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                                   max_new_tokens=limit, do_sample=False, pad_token_id=0, eos_token_id=2, **options)
            rows.append(found[0, len(ids):].tolist())
        return rows
    return dict(prompts=prompts, new_tokens=limit, end_token=2, greedy=generate(), beams=[
        dict(count=count, length_penalty=penalty, stops_early=early,
             tokens=generate(num_beams=count, length_penalty=penalty, early_stopping=early))
        for count, penalty, early in [(2, 1.0, False), (4, 1.0, True), (3, 0.0, False), (3, 2.0, False)]])


def write_json(path, value):
    """JSON with one line an entry and rows of numbers on one line each; floats with all their digits."""
    def text(v, depth):
        pad = " " * depth
        if isinstance(v, dict):
            rows = [f"{pad} {json.dumps(k)}: {text(x, depth + 1)}" for k, x in v.items()]
            return "{\n" + ",\n".join(rows) + f"\n{pad}}}"
        if isinstance(v, list) and v and isinstance(v[0], (list, dict)):
            return "[\n" + ",\n".join(f"{pad} {text(x, depth + 1)}" for x in v) + f"\n{pad}]"
        return json.dumps(v, separators=(",", ":"))
    path.write_text(text(value, 0) + "\n")


def make_batch(name, lengths, seed):
    draw = numpy.random.default_rng(seed)
    _, _, fields, _, labels, _ = MODELS[name]
    batch = {"input_ids": [draw.integers(0, fields["vocab_size"], n).tolist() for n in lengths]}
    if labels is None:  # the completion starts anywhere, also at the first token, and once behind the last
        batch["completions"] = [int(draw.integers(0, n)) for n in lengths]
        batch["completions"][0], batch["completions"][1] = 0, lengths[1]
    else:
        batch["labels"] = (draw.normal(0, 1.5, len(lengths)).astype(numpy.float32).astype(float).tolist() if labels == 1
                           else [int(draw.integers(0, labels)) for _ in lengths])
    return batch


def make_case(name, base, targets, lengths, seed, own=None, float32=False, texts=True):
    labels = MODELS[base][4]
    def fresh(precision):
        return add_adapter(make_model(base), targets, seed, own, labels).to(precision).eval()
    model, folder = fresh(torch.float64), HERE / "cases" / name
    fresh(torch.float32).save_pretrained(folder / "adapter")
    stated = folder / "adapter" / "adapter_config.json"  # PEFT writes a set, whose order is another in every process
    config = json.loads(stated.read_text())
    config["target_modules"].sort()
    stated.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    batch = make_batch(base, lengths, seed)
    logits, loss, count, gradients = answers(model, batch, labels)
    shared = [] if own is None else [i for i in range(MODELS[base][2]["num_hidden_layers"]) if i not in own]
    case = dict(model=base, adapter_rank=ADAPTER_RANK, alpha=ALPHA, shared_layers=shared, batch=batch, loss=loss,
                loss_count=count, importance=importance(model, batch))
    if labels is None and texts:
        draw = numpy.random.default_rng(seed + 100)
        prompts = [draw.integers(3, 59, n).tolist() for n in (5, 1, 9)]
        case["generation"] = generations(model, prompts, 14)
    write_json(folder / "case.json", case)
    expected = {"logits": logits} | {"gradient." + n: g for n, g in gradients.items()}
    narrow = {k: v.to(torch.float32).contiguous().clone() for k, v in expected.items()}
    safetensors.torch.save_file(narrow, folder / "expected.safetensors", {"computed_in": "float64"})
    check_loads(folder, base, batch, labels, logits)
    if float32:
        _, _, _, found = answers(fresh(torch.float32), batch, labels)
        worst = max((((found[k].double() - v).norm() / v.norm()).item(), k) for k, v in gradients.items())
        print(f"{name}: float32 gradient: worst relative L2 {worst[0]:.2e} {worst[1]}")


def check_loads(folder, base, batch, labels, logits):
    """PEFT itself must get these logits from the files as they are."""
    maker = AutoModelForCausalLM if labels is None else AutoModelForSequenceClassification
    options = {} if labels is None else dict(num_labels=labels)
    model = maker.from_pretrained(HERE / "models" / base, dtype=torch.float32, attn_implementation="sdpa", **options)
    model = peft.PeftModel.from_pretrained(model, folder / "adapter", is_trainable=True).double().eval()
    found = answers(model, batch, labels)[0]
    difference = (found - logits).abs().max().item()
    assert difference < 1e-5, f"{folder.name}: PEFT's logits from the files differ by {difference}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--float32", action="store_true", help="also report PyTorch's float32 error")
    f = parser.parse_args().float32
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for norm in (LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm, Qwen3RMSNorm):
        norm.forward = norm_in_own_precision
    for folder in ("models", "cases"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    for name in MODELS:
        save_model(name)
    lengths = [7, 3, 19, 1, 12]
    make_case("llama-query-value", "llama", QUERY_VALUE, lengths, 11, float32=f)
    make_case("llama-biased", "llama-biased", ALL_LINEAR, lengths, 12, float32=f)
    make_case("llama-dynamic", "llama-dynamic", ALL_LINEAR, lengths, 13, float32=f, texts=False)
    make_case("llama3-bf16", "llama3-bf16", ALL_LINEAR, lengths + [40], 14, float32=f)
    make_case("llama-yarn-tied", "llama-yarn", ALL_LINEAR, lengths + [33], 15, own=[1], float32=f)
    make_case("mistral-f16", "mistral-f16", ALL_LINEAR, lengths, 16, float32=f)
    make_case("qwen2", "qwen2", ALL_LINEAR, lengths, 17, float32=f)
    make_case("qwen3", "qwen3", ALL_LINEAR, lengths, 18, float32=f)
    make_case("llama-labels", "llama-labels", ALL_LINEAR, lengths, 19, float32=f)
    make_case("qwen2-score", "qwen2-score", QUERY_VALUE, lengths, 20, float32=f)
    versions = dict(python=platform.python_version(), torch=torch.__version__, transformers=transformers.__version__,
                    peft=peft.__version__, safetensors=safetensors.__version__, numpy=numpy.__version__)
    (HERE / "versions.txt").write_text("".join(f"{k} {v}\n" for k, v in versions.items()))


if __name__ == "__main__":
    main()
