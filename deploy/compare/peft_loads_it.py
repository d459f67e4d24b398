#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Does PEFT, given our adapter as it is, predict what `loradrop predict` predicts?

    loradrop predict --model DIR --adapter DIR --file F … --output out.jsonl
    python peft_loads_it.py --model DIR --adapter DIR --file F --header false --text-column 0 --label-column 1 \\
        --predictions out.jsonl

Exit code 0 if every logit is within the tolerance and every label the same, else 1.
"""
import argparse
import sys

from transformers import AutoTokenizer

import peer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peer.add_data_options(parser)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--predictions", required=True, help="what `loradrop predict` wrote for the same file")
    parser.add_argument("--merged", help="what `loradrop merge` wrote: transformers alone must then say the same")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    peer.quiet()
    rows = peer.read_rows(options.file, options)
    labels = peer.label_list(options, options.adapter, rows)
    encoded = peer.tokenise(AutoTokenizer.from_pretrained(options.model), rows, options)
    logits = peer.all_logits(peer.load_adapter(options.model, options.adapter), encoded)
    good = peer.compare_predictions(logits, options.predictions, labels, options.tolerance)
    if options.merged:
        print(f"transformers on {options.merged}:")
        merged = peer.all_logits(peer.base_model(options.merged, len(logits[0])), encoded)
        good = peer.compare_predictions(merged, options.predictions, labels, options.tolerance) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
