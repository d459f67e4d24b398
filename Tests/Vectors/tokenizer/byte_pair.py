#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Byte-pair tokenizers as RoBERTa, GPT-2, Llama, Mistral and Qwen have them: training, and whole tokenizer.json files.

For make_byte_pair_vectors.py and train_byte_pair.py. Made with tokenizers 0.23.3.
"""

import json

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA_3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + REST
QWEN_2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + REST
GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# What the texts hold where tokens are looked for in them.
SPECIAL = ["<s>", "</s>", "<unk>", "<mask>", " <mask>", "<pad>", "<|endoftext|>", "<|begin_of_text|>", "<|im_start|>",
           "<|im_end|>", "<think>", "</think>", "<tool>", "\u0120", "\u2581", "\u2581\u2581the", "<0x41>", "don't", "I'LL",
           "WE'VE'D", "'\u017f", "'S", "123456789", "3.14159", "\n", "\n\n", " \n ", "\r\n", "\t\t", "   ", "     ", "\u00a0 ",
           " \u2028", "x" * 40, "\u0665\u0666\u0667", "\u2167", "\u00bd", "\u1100\u1161\u11a8", "\ufb01", "\u212b", "\U0001F468\u200D\U0001F469"]


def train_byte_level(texts, size):
    """The model of a byte-level tokenizer whose words are Llama 3's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA_3), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return json.loads(tokenizer.to_str())["model"]


def train_sentencepiece(texts, size, alphabet):
    """The model of a tokenizer with byte fallback that knows so many characters."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"] + BYTES, limit_alphabet=alphabet, show_progress=False))
    return json.loads(tokenizer.to_str())["model"]


def added(content, number, **changes):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True} | changes


def description(model, **parts):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None} | parts | {"model": model}


def template(name, number, pair=True):
    a, b = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    start = [{"SpecialToken": {"id": name, "type_id": kind}} for kind in (0, 1)]
    return {"type": "TemplateProcessing", "single": [start[0], a],
            "pair": [start[0], a, start[1], b] if pair else [start[0], a, b],
            "special_tokens": {name: {"id": name, "ids": [number], "tokens": [name]}}}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior="Isolated", invert=False):
    kind = "String" if len(pattern) < 4 else "Regex"
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(kind, *stages):
    return {"type": "Sequence", kind: list(stages)}


def byte_level_configurations(model):
    """Whole tokenizers around a byte-level model, by name."""
    size = len(model["vocab"])
    plain = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
             "vocab": model["vocab"], "merges": model["merges"]}
    empty = plain | {"continuing_subword_prefix": "", "end_of_word_suffix": ""}
    joined = plain | {"merges": [" ".join(merge) for merge in model["merges"]]}
    decoder = byte_level(True)
    specials = [added(name, size + n) for n, name in enumerate(["<s>", "<pad>", "</s>", "<unk>"])]
    specials.append(added("<mask>", size + 4, lstrip=True))
    roberta = {"type": "RobertaProcessing", "sep": ["</s>", size + 2], "cls": ["<s>", size], "trim_offsets": True,
               "add_prefix_space": False}
    words = [added("<tool>", size + 1, special=False, single_word=True), added("don't", size + 2, special=False,
             normalized=True), added("\u212bm", size + 3, special=False, normalized=True, rstrip=True)]
    return {
        "RoBERTa": description(joined, added_tokens=specials, pre_tokenizer=byte_level(), post_processor=roberta,
                               decoder=decoder),
        "RoBERTa with a prefix space": description(
            plain, added_tokens=specials, pre_tokenizer=byte_level(True), post_processor=roberta, decoder=decoder),
        "GPT-2": description(joined, added_tokens=[added("<|endoftext|>", size)], pre_tokenizer=byte_level(),
                             post_processor=byte_level(), decoder=decoder),
        "Llama 3": description(
            plain | {"ignore_merges": True},
            added_tokens=[added("<|begin_of_text|>", size), added("<|endoftext|>", size + 1)],
            pre_tokenizer=sequence("pretokenizers", split(LLAMA_3), byte_level(False, False)),
            post_processor=sequence("processors", byte_level(), template("<|begin_of_text|>", size)), decoder=decoder),
        "Qwen": description(
            empty, normalizer={"type": "NFC"},
            added_tokens=[added("<|endoftext|>", size), added("<|im_start|>", size + 1), added("<|im_end|>", size + 2),
                          added("<think>", size + 3, special=False), added("</think>", size + 4, special=False)],
            pre_tokenizer=sequence("pretokenizers", split(QWEN_2), byte_level(False, False)),
            post_processor=byte_level(False, False), decoder=decoder),
        "digits and words": description(
            plain, normalizer=sequence("normalizers", {"type": "NFKC"}, {"type": "Strip", "strip_left": True,
                                                                         "strip_right": False}),
            added_tokens=[added("<|endoftext|>", size)] + words,
            pre_tokenizer=sequence("pretokenizers", {"type": "Digits", "individual_digits": True},
                                   split(GPT_2, "Removed", True), byte_level(True, False)), decoder=decoder),
    }


def sentencepiece_configurations(model):
    """Whole tokenizers around a model with byte fallback, by name."""
    vocab = model["vocab"]
    size = len(vocab)
    plain = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
             "vocab": vocab, "merges": model["merges"]}
    without_bytes = plain | {"byte_fallback": False}
    specials = [added(name, n, normalized=name == "</s>") for n, name in enumerate(["<unk>", "<s>", "</s>"])]
    specials += [added("<|im_start|>", size), added("<tool>", size + 1, normalized=True, special=False)]
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    replace = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    text = [replace, {"type": "ByteFallback"}, {"type": "Fuse"}]
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}
    old = {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}
    return {
        "Llama 2": description(
            plain, added_tokens=specials,
            normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "\u2581"}, space),
            post_processor=template("<s>", 1), decoder=sequence("decoders", *text, strip)),
        "Mistral": description(
            plain, added_tokens=specials, pre_tokenizer=metaspace, post_processor=template("<s>", 1, False),
            decoder=sequence("decoders", *text, strip)),
        "words, unknown not fused": description(
            without_bytes | {"fuse_unk": False}, added_tokens=specials,
            normalizer=sequence("normalizers", {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}),
            pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace | {"split": True}),
            decoder=old),
        "old spelling, unknown fused": description(
            without_bytes, added_tokens=specials, normalizer={"type": "NFD"}, pre_tokenizer=old, decoder=old),
        "spaces end words": description(
            plain, added_tokens=specials, normalizer=space,
            pre_tokenizer=split("\u2581", "MergedWithPrevious"), decoder=sequence("decoders", *text)),
        "spaces begin words": description(
            plain, added_tokens=specials, normalizer=space, pre_tokenizer=split("\u2581", "MergedWithNext"),
            decoder=sequence("decoders", *text, strip | {"start": 2})),
        "spaces in runs": description(
            plain, normalizer=space, added_tokens=specials[:2],
            pre_tokenizer=sequence("pretokenizers", split("\u2581", "Contiguous"),
                                   {"type": "Digits", "individual_digits": False}),
            decoder=sequence("decoders", {"type": "ByteFallback"}, replace)),
        "apostrophes apart": description(
            plain | {"unk_token": None}, added_tokens=specials,
            pre_tokenizer=sequence("pretokenizers", {"type": "Whitespace"}, split("'"), split("e", "Removed"))),
    }


