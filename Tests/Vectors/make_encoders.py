#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Makes the known answers for encoders: tiny random models, adapters, and what PyTorch, transformers and PEFT compute
with them in float64.

    python make_encoders.py            # writes bert/, roberta/, xlm-roberta/, distilbert/, electra/ beside this file
    python make_encoders.py --float32  # also says how far PyTorch's own float32 is from these answers

What each file holds is in README.md. Every weight and every adapter value is exactly representable in the dtype
it is stored in, so that both sides start from the same numbers; the reference widens them to float64 and stays there.
Batches are padded and masked here, which our packed code must not notice.
"""
import argparse
import json
import math
import platform
import re
import shutil

import numpy
import peft
import safetensors
import safetensors.torch
import torch
import transformers
from transformers import AutoModelForSequenceClassification

from encoder_models import (ALL_LINEAR, BERT, DISTILBERT, ELECTRA, HERE, QUERY_KEY_VALUE, QUERY_VALUE, ROBERTA,
                            XLM_ROBERTA, make_model, rounded, save_bert_models, save_other_models)

ADAPTER_RANK, ALPHA = 4, 8
OPTIMISER = dict(learning_rate=1e-3, head_learning_rate=5e-4, weight_decay=0.01, beta1=0.9, beta2=0.999,
                 epsilon=1e-8, max_gradient_norm=1.0, schedule="linear", warmup_steps=3, total_steps=10)


# --- batches ----------------------------------------------------------------------------------------------------------

def make_batch(model, lengths, seed, pairs=False):
    """Random examples of the given lengths. The padding token's id also occurs as a real token's."""
    draw = numpy.random.default_rng(seed)
    labels = model.config.num_labels
    batch = {"input_ids": [draw.integers(0, model.config.vocab_size, n).tolist() for n in lengths]}
    if pairs:  # the second text starts anywhere after the first token, or never
        cuts = [draw.integers(1, n + 1) for n in lengths]
        batch["token_type_ids"] = [[int(i >= cut) for i in range(n)] for n, cut in zip(lengths, cuts)]
    batch["labels"] = (draw.normal(0, 1.5, len(lengths)).astype(numpy.float32).astype(float).tolist() if labels == 1
                       else [int(draw.integers(0, labels)) for _ in lengths])
    return batch


def padded(model, batch):
    longest = max(map(len, batch["input_ids"]))
    def pad(rows, filling=0):
        return torch.tensor([row + [filling] * (longest - len(row)) for row in rows])
    dtype = next(model.parameters()).dtype
    inputs = dict(input_ids=pad(batch["input_ids"], model.config.pad_token_id),
                  attention_mask=pad([[1] * len(r) for r in batch["input_ids"]]),
                  labels=torch.tensor(batch["labels"], dtype=dtype if model.config.num_labels == 1 else torch.long))
    if "token_type_ids" in batch:
        inputs["token_type_ids"] = pad(batch["token_type_ids"])
    return inputs


# --- adapters ---------------------------------------------------------------------------------------------------------

def add_adapter(family, model, targets, seed, own=None, train_pooler=False):
    """PEFT's adapter with random A and non-zero B, its layers outside `own` tied to one A and B a module name."""
    config = peft.LoraConfig(task_type="SEQ_CLS", r=ADAPTER_RANK, lora_alpha=ALPHA, lora_dropout=0.0,
                             target_modules=list(targets), modules_to_save=[family.pooler] if train_pooler else None)
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
            # A near PEFT's own scale, B away from its zero, a head that does not saturate.
            value.copy_({"A": 1 / math.sqrt(value.shape[-1]), "B": 0.2}.get(name.split(".lora_")[-1][0], 0.25) * noise
                        if "lora_" in name else 0.25 * noise)
    return model


def lora_modules(model):
    """(path below the encoder layer list, module) of every adapted projection, by layer, in the file's order."""
    return [(n, m) for n, m in model.named_modules() if isinstance(m, peft.tuners.lora.Linear)]


def split_path(path):
    """`…encoder.layer.3.attention.self.query` as (3, `attention.self.query`)."""
    _, layer, name = re.fullmatch(r"(.*)\.layer\.(\d+)\.(.*)", path).groups()
    return int(layer), name


def trained(model):
    """Trainable tensors under the names that PEFT gives them in `adapter_model.safetensors`; tied ones once, under the
    lowest layer that uses them."""
    def file_name(n):
        return n.replace(".default", "").replace(".modules_to_save", "")
    return [(file_name(n), p) for n, p in model.named_parameters() if p.requires_grad]


# --- answers ----------------------------------------------------------------------------------------------------------

def importance(model, batch):
    """Σ ‖s·B·A·x‖² over the real tokens, for every adapted projection."""
    inputs, sums, hooks = padded(model, batch), {}, []
    real = inputs["attention_mask"].bool()
    def listen(path, module):
        def hook(_, arguments):
            branch = module.lora_B["default"](module.lora_A["default"](arguments[0])) * module.scaling["default"]
            sums[path.removeprefix("base_model.model.")] = branch[real].square().sum().item()
        return module.register_forward_pre_hook(hook)
    hooks = [listen(path, module) for path, module in lora_modules(model)]
    with torch.no_grad():
        model(**inputs)
    for hook in hooks:
        hook.remove()
    return sums


def first_step(model, batch):
    """Logits, loss, last hidden states of the real tokens packed end to end, and every gradient."""
    inputs = padded(model, batch)
    model.zero_grad()
    output = model(**inputs, output_hidden_states=True)
    output.loss.backward()
    real = inputs["attention_mask"].bool()
    hidden = [h[real].detach() for h in output.hidden_states]
    return output.logits.detach(), output.loss.item(), hidden, {n: p.grad.clone() for n, p in trained(model)}


def ten_steps(model, batches):
    """AdamW, the schedule and clipping as a Hugging Face user would compose them. Weight decay on every tensor."""
    before = {n: p.detach().clone() for n, p in trained(model)}
    o = OPTIMISER
    groups = [dict(params=[p for n, p in trained(model) if "lora_" in n], lr=o["learning_rate"]),
              dict(params=[p for n, p in trained(model) if "lora_" not in n], lr=o["head_learning_rate"])]
    optimiser = torch.optim.AdamW(groups, betas=(o["beta1"], o["beta2"]), eps=o["epsilon"],
                                  weight_decay=o["weight_decay"])
    schedule = transformers.get_linear_schedule_with_warmup(optimiser, o["warmup_steps"], o["total_steps"])
    record = dict(losses=[], gradient_norms=[], learning_rates=[], head_learning_rates=[])
    for batch in batches:
        loss = model(**padded(model, batch)).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for _, p in trained(model)], o["max_gradient_norm"])
        rates = schedule.get_last_lr()
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        for key, value in zip(record, (loss.item(), norm.item(), *rates)):
            record[key].append(value)
    return record, {n: p.detach() - before[n] for n, p in trained(model)}


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


def make_case(family, name, base, folders, targets, lengths, seed, pairs=False, own=None, train_pooler=False,
              steps=False, dtype=torch.float32, every_layer=False, float32=False):
    """One case: `folders` are the model folders that must all give these answers."""
    def fresh(precision):
        model = add_adapter(family, rounded(make_model(family, base), dtype), targets, seed, own, train_pooler)
        return model.to(precision).eval()
    model, folder = fresh(torch.float64), HERE / family.name / "cases" / name
    batch = make_batch(model, lengths, seed, pairs)
    batches = [make_batch(model, [1 + (5 * s + 3 * i) % max(lengths) for i in range(6)], 100 * seed + s, pairs)
               for s in range(10)] if steps else []

    fresh(torch.float32).save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink()
    config_file = folder / "adapter" / "adapter_config.json"
    config = json.loads(config_file.read_text())
    config["target_modules"].sort()  # PEFT writes a set, in an order that changes from run to run
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    layers = model.config.num_hidden_layers
    logits, loss, hidden, gradients = first_step(model, batch)
    case = dict(model_folders=folders, target_modules=targets, adapter_rank=ADAPTER_RANK, alpha=ALPHA,
                problem="regression" if model.config.num_labels == 1 else "classification",
                own_layers=own if own is not None else list(range(layers)),
                shared_layers=[i for i in range(layers) if own is not None and i not in own],
                trains_pooler=train_pooler or not family.pooler, batch=batch, logits=logits.tolist(), loss=loss,
                importance=importance(model, batch))
    expected = {"gradient." + n: g for n, g in gradients.items()} | {"hidden": hidden[-1]}
    if every_layer:
        expected |= {f"hidden.{i}": h for i, h in enumerate(hidden)}
        with torch.no_grad(), model.disable_adapter():
            base_output = model(**padded(model, batch), output_hidden_states=True).hidden_states
        real = padded(model, batch)["attention_mask"].bool()
        expected |= {f"base.hidden.{i}": h[real] for i, h in enumerate(base_output)}
    if steps:
        record, movement = ten_steps(fresh(torch.float64), batches)
        case["training"] = dict(optimiser=OPTIMISER, **record, batches=batches)
        expected |= {"movement." + n: m for n, m in movement.items()}
    write_json(folder / "case.json", case)
    narrow = {k: v.to(torch.float32).contiguous().clone() for k, v in expected.items()}
    safetensors.torch.save_file(narrow, folder / "expected.safetensors", {"computed_in": "float64"})
    check_loads(family, folder, folders, case)
    if float32:
        _, _, hidden32, gradients32 = first_step(fresh(torch.float32), batch)
        name = f"{family.name}/{name}"
        report(name, "hidden", {"": hidden32[-1]}, {"": hidden[-1]})
        report(name, "gradient", gradients32, gradients)
        if steps:
            report(name, "movement", ten_steps(fresh(torch.float32), batches)[1], movement)


def report(name, what, found, expected):
    worst = max((((found[k].double() - v).norm() / v.norm()).item(), k) for k, v in expected.items())
    print(f"{name}: float32 {what}: worst relative L2 {worst[0]:.2e} {worst[1]}")


def check_loads(family, folder, folders, case):
    """PEFT itself must get these logits from the files as they are."""
    for base in folders:
        model = AutoModelForSequenceClassification.from_pretrained(
            HERE / family.name / "models" / base, num_labels=len(case["logits"][0]), dtype=torch.float32, attn_implementation="eager")
        model = peft.PeftModel.from_pretrained(model, folder / "adapter").double().eval()
        with torch.no_grad():
            logits = model(**padded(model, case["batch"])).logits
        difference = (logits - torch.tensor(case["logits"], dtype=torch.float64)).abs().max().item()
        assert difference < 1e-12, f"{folder.name} on {base}: PEFT's logits from the files differ by {difference}"


def make_schedules():
    """What the learning rate is multiplied with at steps 0 … total."""
    makers = dict(linear=transformers.get_linear_schedule_with_warmup,
                  cosine=transformers.get_cosine_schedule_with_warmup,
                  constant=lambda o, w, _: transformers.get_constant_schedule_with_warmup(o, w))
    table = []
    for name, maker in makers.items():
        for total in (1, 7, 100):
            for warmup in (0, 3, 10):
                optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
                multiplier = maker(optimiser, warmup, total).lr_lambdas[0]
                table.append(dict(schedule=name, total_steps=total, warmup_steps=warmup,
                                  multipliers=[float(multiplier(s)) for s in range(total + 1)]))
    write_json(HERE / "bert" / "schedules.json", table)


def make_bert_cases(f):
    def case(*arguments, **options):
        make_case(BERT, *arguments, float32=f, **options)
    odd, few = list(range(1, 18)), [7, 1, 4, 12, 2]
    pairs = [2, 9, 24, 3, 16, 5]
    same = ["small", "small-no-prefix", "small-sharded"]
    case("odd-query-value", "odd", ["odd"], QUERY_VALUE, odd, 11, steps=True)
    case("odd-all-linear", "odd", ["odd"], ALL_LINEAR, odd, 12)
    case("pairs-query-key-value", "pairs", ["pairs"], QUERY_KEY_VALUE, pairs, 13, pairs=True)
    case("pairs-tied", "pairs", ["pairs"], ALL_LINEAR, pairs, 14, pairs=True, own=[0, 2], steps=True)
    case("regression", "regression", ["regression"], ALL_LINEAR, few, 15, steps=True)
    case("small", "small", same, QUERY_VALUE, few, 16, every_layer=True)
    case("small-trained-pooler", "small", ["small-no-pooler"], QUERY_VALUE, few, 17, train_pooler=True, steps=True)
    case("small-f16", "small", ["small-f16"], QUERY_VALUE, few, 18, dtype=torch.float16)
    case("small-bf16", "small", ["small-bf16"], QUERY_VALUE, few, 19, dtype=torch.bfloat16)
    case("small-relu", "small-relu", ["small-relu"], ALL_LINEAR, few, 20)


def make_other_cases(family, f):
    """The cases of a family other than BERT."""
    def case(*arguments, **options):
        make_case(family, *arguments, float32=f, **options)
    few, longest = [7, 1, 4, 12, 2], [2, 9, 24, 3, 16, 5]
    same = ["small", "small-sharded", "small-no-prefix", "small-masked-lm"]
    types = family is ELECTRA
    case("small", "small", same, family.query_value, few, 21, every_layer=True, pairs=types)
    if family is XLM_ROBERTA:
        return
    case("odd-all-linear", "odd", ["odd"], family.all_linear, list(range(1, 18)), 22, steps=True)
    case("tied", "tied", ["tied"], family.all_linear, longest, 23, own=[0, 2], steps=True, pairs=types)
    case("regression", "regression", ["regression"], family.all_linear, few, 24)
    case("small-f16", "small", ["small-f16"], family.query_value, few, 25, dtype=torch.float16)
    case("small-bf16", "small", ["small-bf16"], family.query_value, few, 26, dtype=torch.bfloat16)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--float32", action="store_true", help="also report PyTorch's float32 error")
    f = parser.parse_args().float32
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for family in (BERT, ROBERTA, XLM_ROBERTA, DISTILBERT, ELECTRA):
        for folder in ("models", "cases"):
            shutil.rmtree(HERE / family.name / folder, ignore_errors=True)
    save_bert_models()
    make_bert_cases(f)
    for family in (ROBERTA, XLM_ROBERTA, DISTILBERT, ELECTRA):
        save_other_models(family)
        make_other_cases(family, f)
    make_schedules()
    versions = dict(python=platform.python_version(), torch=torch.__version__, transformers=transformers.__version__,
                    peft=peft.__version__, safetensors=safetensors.__version__, numpy=numpy.__version__)
    (HERE / "bert" / "versions.txt").write_text("".join(f"{k} {v}\n" for k, v in versions.items()))


if __name__ == "__main__":
    main()
