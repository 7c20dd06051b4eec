"""python -m convmf recommend: the items that a user would rate highest."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from convmf.commands.options import add_listing


def add_recommend(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    recommend = commands.add_parser("recommend", help="the items that a user would rate highest")
    recommend.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    recommend.add_argument("--user", required=True, metavar="ID")
    add_listing(recommend)
    recommend.set_defaults(run=_recommend)


def _recommend(options: argparse.Namespace) -> int:
    from convmf.model.convmf import ConvMF

    items = ConvMF.load(options.model).recommend(options.user, options.top)
    if options.json:
        rows = [{"item_id": item.item_id, "title": item.title, "rating": item.score} for item in items]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    for item in items:
        print(f"{item.score:.2f}  {item.title or item.item_id}")
    return 0
