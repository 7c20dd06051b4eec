"""python -m convmf recommend: the items that a user would rate highest."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from convmf.commands.options import add_listing, print_json
from convmf.errors import ModelError


def add_recommend(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    recommend = commands.add_parser("recommend", help="the items that a user would rate highest")
    recommend.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    who = recommend.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", metavar="ID")
    who.add_argument(
        "--rate", action="append", type=_rating, metavar="ITEM=RATING", help="a new user's rating; repeat for more"
    )
    recommend.add_argument("--explain", action="store_true", help="the parts that each rating is made of")
    add_listing(recommend)
    recommend.set_defaults(run=_recommend)


def _rating(text: str) -> tuple[str, float]:
    item_id, _, rating = text.rpartition("=")
    try:
        return item_id, float(rating)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ITEM=RATING with a number behind the sign") from None


def _recommend(options: argparse.Namespace) -> int:
    from convmf.explain import explain_recommendations
    from convmf.model.convmf import ConvMF

    model = ConvMF.load(options.model)
    user = options.user if options.rate is None else _new_user(options.rate)
    rows = explain_recommendations(model, user, options.top, parts=options.explain)
    if options.json:
        print_json(rows)
    else:
        _print_recommendations(rows)
    return 0


def _new_user(rates: list[tuple[str, float]]) -> dict[str, float]:
    ratings = dict(rates)
    if len(ratings) < len(rates):
        twice = next(item_id for item_id in ratings if sum(item_id == other for other, _ in rates) > 1)
        raise ModelError(f"Item {twice!r} is rated more than once; give --rate once for each item.")
    return ratings


def _print_recommendations(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(f"{row['rating']:.2f}  {row['title'] or row['item_id']}")
        parts = dict(row.get("parts", {}))
        trust = parts.pop("text_trust", None)
        level_of_text = parts.pop("item_bias_from_text", None)
        if parts:
            parts.pop("rating")
            print("      " + ", ".join(f"{name.replace('_', ' ')} {value:+z.2f}" for name, value in parts.items()))
            print(f"      of the item bias {level_of_text:+z.2f} is from the text", end="")
            print("" if trust is None else f"; the text makes {trust:.0%} of what is known of the item")
        if "shares" in row:
            print(f"      {row['base']:.2f} without your ratings")
            for share in row["shares"]:
                print(f"      {share['share']:+z.2f}  from {share['given']:g} for {share['title'] or share['item_id']}")
