#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""The encoder families of the known answers, the shapes of their tiny random models, and the folders these are saved in;
for `make_encoders.py`.
"""
import json
import re
from pathlib import Path

import safetensors.torch
import torch
from transformers import AutoConfig, AutoModelForMaskedLM, AutoModelForSequenceClassification

HERE = Path(__file__).resolve().parent
QUERY_VALUE = ["query", "value"]
QUERY_KEY_VALUE = ["query", "key", "value"]
# `output.dense` alone would also match `attention.output.dense`: PEFT compares the ends of module paths.
ALL_LINEAR = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]

# Letters alone and as continuations, digits, some words and marks: enough to train on text with these folders.
WORDS = ["good", "bad", "the", "not", "very", "was", "film", "phone"]
VOCABULARY = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [chr(c) for c in range(ord("a"), ord("z") + 1)]
              + ["##" + chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789.,!?'-") + WORDS)

SMALL = dict(hidden_size=12, num_attention_heads=3, intermediate_size=18, num_hidden_layers=2,
             vocab_size=len(VOCABULARY), max_position_embeddings=40)
MODELS = {  # name: (seed, configuration, labels)
    "odd": (1, dict(hidden_size=36, num_attention_heads=3, intermediate_size=50, num_hidden_layers=3, vocab_size=90,
                    max_position_embeddings=20), 5),
    "pairs": (2, dict(hidden_size=32, num_attention_heads=4, intermediate_size=48, num_hidden_layers=4,
                      vocab_size=len(VOCABULARY), max_position_embeddings=24), 2),
    "regression": (3, dict(hidden_size=24, num_attention_heads=2, intermediate_size=30, num_hidden_layers=2,
                           vocab_size=50, max_position_embeddings=24, hidden_act="gelu_new", layer_norm_eps=1e-5), 1),
    "small": (4, SMALL, 3),
    "small-relu": (5, dict(SMALL, hidden_act="relu"), 3),
}


def other_models(seed, odd=None, small=None):
    """The shapes of a family other than BERT; `odd` and `small` are what it says of them beside BERT's keys."""
    vocabulary = dict(vocab_size=len(VOCABULARY))
    return {
        "odd": (seed, dict(hidden_size=36, num_attention_heads=3, intermediate_size=50, num_hidden_layers=3,
                           vocab_size=90, max_position_embeddings=20) | (odd or {}), 5),
        "tied": (seed + 1, dict(hidden_size=32, num_attention_heads=4, intermediate_size=48, num_hidden_layers=4,
                                max_position_embeddings=24, **vocabulary) | (odd or {}), 2),
        "regression": (seed + 2, dict(hidden_size=24, num_attention_heads=2, intermediate_size=30, num_hidden_layers=2,
                                      vocab_size=50, max_position_embeddings=24, **(odd or {})), 1),
        "small": (seed + 3, SMALL | (small or {}), 3),
    }


OTHER_MODELS = {
    "roberta": other_models(30), "xlm-roberta": {"small": (40, SMALL, 3)}, "distilbert": other_models(50),
    "electra": other_models(60, odd=dict(embedding_size=14), small=dict(embedding_size=8)),
}
OTHER_MODELS["roberta"]["regression"][1].update(hidden_act="gelu_new", layer_norm_eps=1e-6, pad_token_id=3,
                                                max_position_embeddings=26)
OTHER_MODELS["distilbert"]["regression"][1].update(hidden_act="relu")
# Beside narrower embeddings wider ones, and such as are as wide as the hidden states, where there is no projection.
OTHER_MODELS["electra"]["regression"][1].update(hidden_act="gelu_new", embedding_size=40)
OTHER_MODELS["electra"]["tied"][1].update(embedding_size=32)


class Family:
    """What the script has to know of a family: where its names and its special tokens differ."""

    def __init__(self, name, prefix, query_value, all_linear, pooler=None, keys=None, vocabulary=VOCABULARY,
                 reserved_positions=0, fixed=None, others=()):
        self.name, self.prefix, self.query_value, self.all_linear = name, prefix, query_value, all_linear
        # What modules_to_save calls the dense layer before the classifier, where PEFT does not train it anyway:
        # RoBERTa's and ELECTRA's are within the classifier, and "pre_classifier" ends like it.
        self.pooler = pooler
        self.keys = keys or {}  # BERT's key in config.json: this family's
        self.vocabulary, self.reserved_positions = vocabulary, reserved_positions
        self.fixed = {} if fixed is None else fixed
        self.others = list(others)  # further keys of config.json

    def config(self, fields, labels):
        """The configuration that BERT's `fields` mean, without dropout."""
        fields = {self.keys.get(k, k): v for k, v in (self.fixed | fields).items()}
        fields["max_position_embeddings"] += self.reserved_positions
        config = AutoConfig.for_model(self.name, num_labels=labels, attn_implementation="eager", **fields)
        for key in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout",
                    "seq_classif_dropout"):
            if hasattr(config, key):
                setattr(config, key, 0.0)
        config.problem_type = None
        return config


BERT = Family("bert", "bert.", QUERY_VALUE, ALL_LINEAR, pooler="pooler", fixed=dict(type_vocab_size=2))
# The special tokens stand where RoBERTa has them; the padding token's id decides where positions begin.
FAIRSEQ_VOCABULARY = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"] + VOCABULARY[5:]
FAIRSEQ = dict(prefix="roberta.", query_value=QUERY_VALUE, all_linear=ALL_LINEAR, vocabulary=FAIRSEQ_VOCABULARY,
               reserved_positions=2, fixed=dict(type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5))
ROBERTA = Family("roberta", **FAIRSEQ)
XLM_ROBERTA = Family("xlm-roberta", **FAIRSEQ)
DISTILBERT = Family(
    "distilbert", "distilbert.", ["q_lin", "v_lin"], ["q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"],
    others=["sinusoidal_pos_embds"],
    keys=dict(hidden_size="dim", num_attention_heads="n_heads", num_hidden_layers="n_layers",
              intermediate_size="hidden_dim", hidden_act="activation", hidden_dropout_prob="dropout",
              attention_probs_dropout_prob="attention_dropout", type_vocab_size=None, layer_norm_eps=None))
ELECTRA = Family("electra", "electra.", QUERY_VALUE, ALL_LINEAR, fixed=dict(type_vocab_size=2),
                 others=["embedding_size"])


# --- models -----------------------------------------------------------------------------------------------------------

def make_model(family, name, make=AutoModelForSequenceClassification):
    """A random model whose weights are large enough that no part of a gradient is trivial."""
    seed, fields, labels = (MODELS if family is BERT else OTHER_MODELS[family.name])[name]
    model = make.from_config(family.config(fields, labels))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in sorted(model.named_parameters()):
            noise = torch.randn(value.shape, generator=generator)
            if "LayerNorm.weight" in key or "layer_norm.weight" in key:
                value.copy_(1 + 0.2 * noise)
            elif key.endswith("bias"):
                value.copy_(0.1 * noise)
            else:
                value.copy_((0.6 if "embeddings" in key else 0.18) * noise)
    return model.eval()


def config_json(family, model, architecture, **fields):
    keys = ["hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers", "vocab_size",
            "max_position_embeddings", "type_vocab_size", "hidden_act", "layer_norm_eps", "hidden_dropout_prob",
            "attention_probs_dropout_prob", "pad_token_id", "initializer_range"]
    keys = [key for key in (family.keys.get(k, k) for k in keys) if key] + family.others
    config = {"architectures": [architecture], "model_type": family.name} | {k: getattr(model.config, k) for k in keys}
    if architecture.endswith("ForSequenceClassification"):
        config["id2label"] = {str(i): f"LABEL_{i}" for i in range(model.config.num_labels)}
        config["label2id"] = {f"LABEL_{i}": i for i in range(model.config.num_labels)}
    return config | fields


def save_folder(family, name, model, keep=lambda key: True, rename=lambda key: key, dtype=torch.float32, extra=None,
                shards=1, architecture=None, vocabulary=False):
    folder = HERE / family.name / "models" / name
    architecture = architecture or type(model).__name__
    folder.mkdir(parents=True)
    dtype_name = str(dtype).removeprefix("torch.")
    config = config_json(family, model, architecture, dtype=dtype_name)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {rename(k): v.detach().to(dtype).contiguous() for k, v in model.state_dict().items()
               if keep(k) and not k.endswith("position_ids")}
    tensors |= extra or {}
    metadata = {"format": "pt"}
    if shards == 1:
        safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata)
    else:
        keys, weight_map = sorted(tensors), {}
        for s in range(shards):
            file = f"model-{s + 1:05d}-of-{shards:05d}.safetensors"
            part = {k: tensors[k] for k in keys[s * len(keys) // shards:(s + 1) * len(keys) // shards]}
            safetensors.torch.save_file(part, folder / file, metadata)
            weight_map |= {k: file for k in part}
        total = sum(t.numel() * t.element_size() for t in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    if vocabulary:
        (folder / "vocab.txt").write_text("".join(w + "\n" for w in family.vocabulary))
        tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 24}
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=2) + "\n")


def rounded(model, dtype):
    """The model that somebody has who stores these weights in `dtype` and widens them."""
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.to(dtype).to(value.dtype))
    return model


def bare(family, model, **changes):
    """How the folder of a bare encoder differs: no prefix, no classifier."""
    name = type(model).__name__.replace("ForSequenceClassification", "Model")
    return dict(keep=lambda k: k.startswith(family.prefix), rename=lambda k: k.removeprefix(family.prefix),
                architecture=name) | changes


def position_ids(model):
    return torch.arange(model.config.max_position_embeddings)[None]


def save_bert_models():
    def save(name, model, **options):
        save_folder(BERT, name, model, **options)
    small, regression = make_model(BERT, "small"), make_model(BERT, "regression")
    save("odd", make_model(BERT, "odd"))
    save("pairs", make_model(BERT, "pairs"), vocabulary=True)
    save("regression", regression, **bare(BERT, regression))
    save("small", small, vocabulary=True)
    save("small-no-prefix", small, extra={"embeddings.position_ids": position_ids(small)}, **bare(BERT, small))
    save("small-sharded", small, shards=2)
    save("small-no-pooler", small, **bare(BERT, small, keep=lambda k: k.startswith("bert.") and "pooler" not in k))
    save("small-f16", small, dtype=torch.float16)
    save("small-bf16", small, dtype=torch.bfloat16)
    save("small-relu", make_model(BERT, "small-relu"))


def save_other_models(family):
    """The folders of a family other than BERT, each with something that its classifier does not read."""
    def save(name, model, **options):
        save_folder(family, name, model, **options)
    names = OTHER_MODELS[family.name]
    small = make_model(family, "small")
    hidden = small.config.hidden_size
    save("small", small, vocabulary=True)
    save("small-sharded", small, shards=3)
    # RoBERTa's bare encoder has a pooler, which its classifier does not use.
    generator = torch.Generator().manual_seed(99)
    unread = {"pooler.dense.weight": torch.randn(hidden, hidden, generator=generator),
              "pooler.dense.bias": torch.randn(hidden, generator=generator)} if "roberta" in family.name else {}
    save("small-no-prefix", small, extra=unread | {"embeddings.position_ids": position_ids(small)},
         **bare(family, small))
    masked = make_model(family, "small", AutoModelForMaskedLM)
    masked.base_model.load_state_dict(small.base_model.state_dict())
    masked.tie_weights()
    # Tied weights are in a file once, under the embeddings' name.
    save("small-masked-lm", masked,
         keep=lambda k: not re.search(r"lm_head\.decoder|vocab_projector\.weight|generator_lm_head\.weight", k))
    if "odd" in names:
        regression = make_model(family, "regression")
        save("odd", make_model(family, "odd"))
        save("tied", make_model(family, "tied"))
        save("regression", regression)
        save("small-f16", small, dtype=torch.float16)
        save("small-bf16", small, dtype=torch.bfloat16)
