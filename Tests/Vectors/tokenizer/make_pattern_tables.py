#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#


"""Writes UnicodeTables+{Patterns,Compositions,Compatibilities}.swift in Sources/Tokenizers/Unicode.

What the regular expressions of byte-level tokenizers take for a letter, a number, white space; what NFC composes and
NFKD decomposes. Asked of Hugging Face `tokenizers` for every code point, as make_unicode_tables.py does and why it says.
Made with tokenizers 0.23.3. Run from the top of the repository: pip install tokenizers==0.23.3.
"""

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

from make_unicode_tables import HEADER, OUTPUT, SCALARS, flat, ranges, runs, table, word_characters

HANGUL = range(0xAC00, 0xD7A4)
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"


def matching(pattern):
    """The scalars that a regular expression for one character matches."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return {c for c in SCALARS if not split.pre_tokenize_str(chr(c))}


def normalized(kind):
    return {c: kind.normalize_str(chr(c)) for c in SCALARS}


def contractions():
    """Which scalars stand for the letters of a contraction regardless of case."""
    split = pre_tokenizers.Split(Regex(CONTRACTIONS), "removed")
    single = {chr(c) for c in SCALARS if not split.pre_tokenize_str("'" + chr(c))}
    first = {chr(c) for c in SCALARS if not split.pre_tokenize_str("'" + chr(c) + "e")}
    second = {chr(c) for c in SCALARS if not split.pre_tokenize_str("'r" + chr(c))}
    double = {chr(c) for c in SCALARS if not split.pre_tokenize_str("'l" + chr(c))}
    return single, first, second, double


def main():
    letters, numbers, spaces = (matching(pattern) for pattern in [r"\p{L}", r"\p{N}", r"\s"])
    digits, whitespace = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Whitespace()
    numeric = {c for c in SCALARS if len(digits.pre_tokenize_str(chr(c) + "a")) == 2}
    blank = {c for c in SCALARS if not whitespace.pre_tokenize_str(chr(c))}
    joined = {c for c in SCALARS if len(whitespace.pre_tokenize_str("a" + chr(c))) == 1} - blank
    stripped = {c for c, text in normalized(normalizers.Strip()).items() if not text}
    split = {c for c in SCALARS if not pre_tokenizers.WhitespaceSplit().pre_tokenize_str(chr(c))}
    assert joined == word_characters()[0], "a part of a word is the same for Whitespace and for added tokens"
    assert spaces == blank == stripped == split, "white space is the same for all"
    marks = {c for c, text in normalized(normalizers.StripAccents()).items() if not text}
    assert contractions() == (set("sStTmMdD\u017f"), set("rRvV"), set("eE"), set("lL")), contractions()
    lowercase = normalizers.Lowercase().normalize_str
    bert = normalizers.BertNormalizer(False, False, False, True).normalize_str
    assert all(lowercase(chr(c)) == bert(chr(c)) for c in SCALARS), "lower case is BertNormalizer's"

    canonical, compatible = normalized(normalizers.NFD()), normalized(normalizers.NFKD())
    composed = normalized(normalizers.NFC())
    single, several, composition = {}, {}, []
    for c in SCALARS:
        if compatible[c] != canonical[c]:
            parts = [ord(part) for part in compatible[c]]
            if len(parts) == 1:
                single[c] = parts[0]
            else:
                several[c] = parts
        if canonical[c] != chr(c) and composed[c] == chr(c) and c not in HANGUL:
            first = normalizers.NFC().normalize_str(canonical[c][:-1])
            assert len(first) == 1 and normalizers.NFC().normalize_str(first + canonical[c][-1]) == chr(c), hex(c)
            composition.append((ord(first), ord(canonical[c][-1]), c))
        assert normalizers.NFKC().normalize_str(chr(c)) == normalizers.NFC().normalize_str(compatible[c]), hex(c)

    header = HEADER.replace("make_unicode_tables.py", "make_pattern_tables.py").format(version=tokenizers.__version__)
    patterns = header + "extension UnicodeTables {\n" + "\n".join([
        table("letters", "What `\\p{L}` matches.", flat(ranges(letters))),
        table("numbers", "What `\\p{N}` matches.", flat(ranges(numbers))),
        table("numeric", "What the pre-tokenizer `Digits` sets apart.", flat(ranges(numeric))),
        table("combiningMarks", "What the normalizer `StripAccents` removes.", flat(ranges(marks))),
    ]) + "}\n"
    compositions = header + "extension UnicodeTables {\n" + "\n".join([
        table("compositions", "What NFC makes of two scalars, Hangul aside: first, second, composed.",
              [number for triple in composition for number in triple]),
        table("compatibleScalars", "Full compatibility decompositions of one scalar where NFD has another: first, last, "
              "step, difference.", flat(runs(single)), signed=True),
    ]) + "}\n"
    compatibilities = header + "extension UnicodeTables {\n" + "\n".join([
        table("compatibilities", "Those of several scalars: count << 24 | scalar, then they.",
              [n for c, parts in sorted(several.items()) for n in [len(parts) << 24 | c] + parts]),
    ]) + "}\n"
    (OUTPUT / "UnicodeTables+Patterns.swift").write_text(patterns)
    (OUTPUT / "UnicodeTables+Compositions.swift").write_text(compositions)
    (OUTPUT / "UnicodeTables+Compatibilities.swift").write_text(compatibilities)
    print(f"letters {len(letters)}, numbers {len(numbers)}, numeric {len(numeric)}, words {len(joined)}, "
          f"marks {len(marks)}, compositions {len(composition)}, compatibilities {len(several)} + {len(single)}")


if __name__ == "__main__":
    main()
