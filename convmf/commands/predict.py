"""python -m convmf predict: rate an item from its description alone."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from convmf.commands.options import add_listing


def add_predict(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    predict = commands.add_parser("predict", help="rate an item from its description alone")
    predict.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    predict.add_argument("--text", required=True, help="the description")
    add_listing(predict)
    predict.set_defaults(run=_predict)


def _predict(options: argparse.Namespace) -> int:
    from convmf.explain import read_text
    from convmf.model.convmf import ConvMF

    reading = read_text(ConvMF.load(options.model), options.text, options.top)
    if options.json:
        print(json.dumps(reading.to_dict(), ensure_ascii=False, indent=1))
        return 0
    print(f"Expected rating {reading.mean:.2f}; eight in ten users between {reading.p10:.2f} and {reading.p90:.2f}")
    print(f"Known words: {', '.join(reading.known_words) or '–'}")
    print(f"Unknown words: {', '.join(reading.unknown_words) or '–'}")
    print("Who would like it most:")
    for user in reading.top_users:
        print(f"  {user.rating:.2f}  {user.user_id}")
    print("Nearest items:")
    for item in reading.nearest_items:
        print(f"  {item.score:+.2f}  {item.title or item.item_id}")
    print("What in the text counts (rating points):")
    for phrase in reading.evidence:
        print(f"  {phrase.weight:+.3f}  {phrase.phrase}")
    return 0
