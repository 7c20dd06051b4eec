"""python -m convmf predict: rate an item from its description alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from convmf.commands.options import add_listing, print_json


def add_predict(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    predict = commands.add_parser("predict", help="rate an item from its description alone")
    predict.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    predict.add_argument("--text", required=True, help="the description")
    predict.add_argument("--user", metavar="ID", help="also this user's rating, and which phrases count for them")
    predict.add_argument(
        "--replace",
        metavar="WORD",
        help="try every known word in the place of this word or phrase, where it first stands",
    )
    add_listing(predict)
    predict.set_defaults(run=_predict)


def _predict(options: argparse.Namespace) -> int:
    from convmf.explain import explain_text
    from convmf.model.convmf import ConvMF

    model = ConvMF.load(options.model)
    answer = explain_text(model, options.text, options.top, user_id=options.user, replace=options.replace)
    if options.json:
        print_json(answer)
    else:
        _print_prediction(answer)
    return 0


def _print_prediction(answer: dict[str, Any]) -> None:
    rating = answer["rating"]
    print(
        f"Expected rating {rating['mean']:.2f}; "
        f"for eight in ten users between {rating['p10']:.2f} and {rating['p90']:.2f}"
    )
    if rating["low"] is not None:
        print(f"{rating['level']:.0%} of its ratings would lie between {rating['low']:.2f} and {rating['high']:.2f}")
    print(f"Known words: {', '.join(answer['known_words']) or '–'}")
    print(f"Unknown words: {', '.join(answer['unknown_words']) or '–'}")
    print("Who would like it most:")
    for user in answer["top_users"]:
        print(f"  {user['rating']:.2f}  {user['user_id']}")
    print("Nearest items:")
    for item in answer["nearest_items"]:
        print(f"  {item['similarity']:+z.2f}  {item['title'] or item['item_id']}")
    print("What in the text counts (rating points):")
    _print_phrases(answer["evidence"])
    if "user" in answer:
        print(f"User {answer['user']['user_id']} would rate it {answer['user']['rating']:.2f}. What counts for them:")
        _print_phrases(answer["user"]["evidence"])
    if "replace" in answer:
        replace = answer["replace"]
        for verdict, found in replace["substitutes"].items():
            verb = verdict.removesuffix("s")
            print(f"In the place of {replace['phrase']!r} {replace['n_words'][verdict]:,} words {verb} the rating:")
            for word in found:
                print(f"  {word['effect']:+z.3f}  {word['word']}")


def _print_phrases(phrases: list[dict[str, Any]]) -> None:
    for phrase in phrases:
        print(f"  {phrase['weight']:+z.3f}  {phrase['phrase']}")
