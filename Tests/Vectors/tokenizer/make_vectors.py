#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Writes cases.json, pieces.json and versions.txt beside this file: texts and what Hugging Face `tokenizers` makes of them.

Every configuration is a whole tokenizer.json in which "VOCABULARY" stands for the pieces of pieces.json with their
places as ids. They hold every normalized character of the texts, so that no difference hides behind an unknown word.
With --folders DIR the configurations are also written as model folders, for compare_with_huggingface.py.
Made with tokenizers 0.23.3.
"""

import argparse
import copy
import json
import pathlib
import random

import tokenizers

import compare_with_huggingface

HERE = pathlib.Path(__file__).parent

TEXTS = [
    "", " ", "\t\n\r ", "Hello, World!", "unaffable unaffably", "don't won't it's", "...--!?", "a.b,c;d", "$100 50% #tag @me",
    "CamelCASE mixed123abc 3.14", "tab\tnew\nline\rreturn", "  leading and trailing  ",
    # Emoji, with modifiers, joiners and flags.
    "I \u2764\ufe0f this", "\U0001F600\U0001F680", "\U0001F44D\U0001F3FD ok", "\U0001F468\u200D\U0001F469\u200D\U0001F467",
    "\U0001F1E9\U0001F1EA", "1\ufe0f\u20e3",
    # Accents: composed, decomposed, several in disorder, on their own.
    "na\u00efve caf\u00e9 \u00c5ngstr\u00f6m", "nai\u0308ve cafe\u0301", "\u212b \u212a \u2126", "a\u0315\u0300\u05ae\u0062",
    "\u0301\u0302", "e\u0301\u0323 e\u0323\u0301", "\u1e69 s\u0323\u0307", "\u0344 \u0345", "o\u0338\u0301 \u00f8",
    "\u1ea4\u1ea5\u1ec7 Vi\u1ec7t", "\u0439\u0451 \u0419\u0401", "\u0958 \u0915\u093c", "\u302e\u302f a\u302e\u0301",
    "\U0001D15E \U0001D158\U0001D165", "\u0f73 \u0f71\u0f72\u0f74",
    # Lower case without context.
    "Stra\u00dfe \u1e9e STRASSE", "\u0130stanbul I\u0307 \u0131 I", "\u039f\u0394\u039f\u03a3 \u03a3\u03b1\u03a3 \u03c2",
    "\u01c5 \u01c4 \u01c6", "\ufb01 \ufb03", "\u13a0 \uab70", "\u10a0 \u1c90", "\U00010400 \U0001E900", "\u2160 \u24b6",
    # Chinese, Japanese, Korean.
    "\u4f60\u597d\u4e16\u754c", "abc\u4e2d\u6587def", "\u3053\u3093\u306b\u3061\u306f\u30c6\u30b9\u30c8",
    "\u30ac \u30ab\u3099", "\ud55c\uad6d\uc5b4 \uac00\uac01", "\u1112\u1161\u11ab", "\uf900\ufa0e\U0002F800",
    "\U00020000\U0002A6DF\U0002A700\U0002B740\U0002B820\U0002B920\U0002CEB0", "\u3400\u4dbf\u4dc0\u9fff\u3007", "\uff21\uff22\uff01",
    # Control and format characters, white space of all kinds, U+0085.
    "a\u0000b\u0001c\u007fd", "a\u0085b c\u0096d", "a\u000bb\u000cc", "a\u00a0b\u3000c\u2003d\u1680e", "a\u2028b\u2029c",
    "zero\u200bwidth\u200cjoin\u200der\u2060x\ufeffy", "soft\u00adhyphen", "rtl\u200f\u202emark", "\ufffdbad\ufffd", "\ue000private",
    "\u0378unassigned\U000E0001", "\ufdd0\U0001FFFF", "\u180e\u2800x",
    # Punctuation beyond ASCII, and symbols that are none.
    "\u201cquoted\u201d \u2018it\u2019s\u2019", "em\u2014dash en\u2013dash\u2026", "\u00bfqu\u00e9? \u00a1ol\u00e9!", "\u3001\u3002\u300c\u300d",
    "\u20ac\u00a3\u00a5 \u00a9\u00ae\u2122", "a+b=c <d> ^_^ `x` ~|~", "\u00a7\u00b6\u00b7 \u2022\u2030", "\u055d\u060c\u0964",
    # Special and added tokens in the text.
    "[CLS] a [SEP] b[SEP]c [MASK]. [PAD][UNK]", "[sep] [Mask] [ SEP ]", "[SEP", "SEP]", "[[SEP]]", "x[MASK]y", "##ing ##",
    "<word> a<word> <word>b <word>, \u00e9<word>", "a <left> b  <left>", "a <right>  b <right>\u3000", "  <both>  <both> <both>x",
    "<Norm> <NORM> <norm>", "caf\u00e9token Cafe\u0301token", "<w><word><wo", "<left><right> <left> <right>", "<word><word>",
    "\u00e9\u00c9 <long> <longer> <longest>",
    # Long words: at the limit, above it, far above it.
    "a" * 99, "a" * 100, "a" * 101, "x " + "\u00e9" * 100 + " y", "e\u0301" * 100, "\u00df" * 101, "ab" * 50, "a" * 101 + ".",
]
PAIRS = [
    ("a b c d e f g", "h i"), ("a b", "c d e f g h i"), ("a b c d", "e f g h"), ("a b c d e", "f g h i"), ("", "a b c"),
    ("a b c", ""), ("", ""), ("Hello [SEP] World", "na\u00efve \u4f60\u597d!"), ("a", "b c d e f g h i j k l m n o p"),
    ("\u0085", "\u200b"),
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = ["un", "##aff", "##able", "##ably", "hello", "world", "##ing", "##ed", "the", "cafe", "naive", "caf\u00e9", "cafe\u0301",
          "stra\u00dfe", "\u00e9\u00e9", "##\u00e9\u00e9", "ab", "##ab", "##abab", "token", "##token", "<", ">", "word", "[", "]", "sep"]


def normalizer(**changes):
    return {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True} | changes


def added(content, number, **changes):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True} | changes


def special(token, number, kind):
    return {"SpecialToken": {"id": token, "type_id": kind}}


def template(cls, sep):
    a, b = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    tokens = {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in [("[CLS]", cls), ("[SEP]", sep)]}
    return {"type": "TemplateProcessing", "single": [special("[CLS]", cls, 0), a, special("[SEP]", sep, 0)],
            "pair": [special("[CLS]", cls, 0), a, special("[SEP]", sep, 0), b, special("[SEP]", sep, 1)],
            "special_tokens": tokens}


def configurations(vocab):
    size = len(vocab)
    basic = {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [added(token, number) for number, token in enumerate(SPECIAL)],
        "normalizer": normalizer(),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": template(2, 3),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": "VOCABULARY"},
    }

    def changed(**changes):
        return copy.deepcopy(basic) | changes

    flags = [added(content, size + n, **kind) for n, (content, kind) in enumerate([
        ("<word>", {"single_word": True}), ("<left>", {"lstrip": True}), ("<right>", {"rstrip": True}),
        ("<both>", {"lstrip": True, "rstrip": True}), ("<Norm>", {"normalized": True, "special": False}),
        ("Caf\u00e9token", {"normalized": True, "special": False}), ("<long>", {}), ("<longer", {"special": False}),
        ("<longest>", {"single_word": True, "special": False}),
        (" in", {"normalized": True, "special": False, "single_word": True, "lstrip": True})])]
    # A token that the vocabulary has already keeps its id.
    flags.append(added("\u00e9", vocab["\u00e9"], special=False, rstrip=True))
    return {
        "uncased": changed(),
        "cased": changed(normalizer=normalizer(lowercase=False)),
        "cased without accents": changed(normalizer=normalizer(lowercase=False, strip_accents=True)),
        "uncased with accents": changed(normalizer=normalizer(strip_accents=False)),
        "not cleaned": changed(normalizer=normalizer(clean_text=False)),
        "ideographs in words": changed(normalizer=normalizer(handle_chinese_chars=False)),
        "not normalized": changed(normalizer=None),
        "added tokens": changed(added_tokens=basic["added_tokens"] + flags),
        "added tokens, cased": changed(added_tokens=basic["added_tokens"] + flags, normalizer=normalizer(lowercase=False)),
        "BertProcessing": changed(post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}),
        "no post-processor": changed(post_processor=None),
        "short words": changed(model=basic["model"] | {"max_input_chars_per_word": 3}),
    }


def vocabulary(texts):
    """All pieces, and every character that any normalization leaves of the texts, at a word's start and within."""
    characters = set()
    for text in texts:
        for options in [(True, True), (True, False), (False, True), (False, False)]:
            kept = tokenizers.normalizers.BertNormalizer(
                clean_text=False, handle_chinese_chars=True, strip_accents=options[0], lowercase=options[1])
            characters |= set(kept.normalize_str(text))
    pieces = SPECIAL + PIECES
    for character in sorted(characters - set("\ufffd\n\r")):
        if character not in pieces:
            pieces.append(character)
        pieces.append("##" + character)
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folders", type=pathlib.Path)
    arguments = parser.parse_args()
    vocab = vocabulary(TEXTS + [text for pair in PAIRS for text in pair])
    written = []
    for seed, (name, description) in enumerate(configurations(vocab).items()):
        full = copy.deepcopy(description)
        full["model"]["vocab"] = vocab
        if arguments.folders:
            folder = arguments.folders / name.replace(" ", "-").replace(",", "")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "tokenizer.json").write_text(json.dumps(full))
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(full))
        tokenizer.no_padding()
        cases = [((text,), None) for text in TEXTS] + [(pair, None) for pair in PAIRS]
        cases += [(("b" * 10_000 + " \u00e9" * 2,), None)] if name == "uncased" else []
        cases += [(("a b c d e f",), length) for length in range(3, 9)]
        cases += [(pair, length) for pair in PAIRS for length in range(3, 18)] if name in ("uncased", "no post-processor") else []
        cases += [(texts, random.Random(seed).choice([None, 4, 9])) for texts in compare_with_huggingface.random_texts(40, 100 + seed)]
        rows = []
        for texts, length in cases:
            if length is None:
                tokenizer.no_truncation()
            else:
                tokenizer.enable_truncation(max_length=length)
            encoding = tokenizer.encode(*texts)
            rows.append({"texts": list(texts), "length": length, "ids": encoding.ids, "types": encoding.type_ids,
                         "truncated": bool(encoding.overflowing)})
        written.append({"name": name, "tokenizer": json.dumps(description), "cases": rows})
    (HERE / "pieces.json").write_text(json.dumps(list(vocab)) + "\n")
    lines = [json.dumps(configuration, separators=(",", ":")) for configuration in written]
    (HERE / "cases.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    (HERE / "versions.txt").write_text(f"tokenizers {tokenizers.__version__}\n")
    print(len(vocab), "pieces,", sum(len(configuration["cases"]) for configuration in written), "cases")


if __name__ == "__main__":
    main()
