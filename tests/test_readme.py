from __future__ import annotations

import re
import tomllib
from pathlib import Path

from convmf.config import ConvMFConfig
from convmf.data import decoding, delimited, embedding, movielens, problems, tables, unpacking, values, vectors
from convmf.data.text import MAX_WORD
from pages.shared.frame import MENU
from tests.hostile_files import CORPUS, MEMORY

ROOT = Path(__file__).parents[1]


def test_every_picture_of_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture


def test_the_tour_shows_every_page_in_a_small_picture_that_is_described() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for _, label in MENU:
        name = label.lower().replace(" ", "_")
        picture = f"assets/screenshots/{name}.png"
        assert f"\n\n**{label}** " in text
        assert re.search(rf"\n!\[{label}: .{{60,}}\]\({picture}\)\n", text), label
        assert (ROOT / picture).stat().st_size < 200_000


def test_the_limits_of_the_readme_are_those_of_the_code() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    safety = text[text.index("\n## Safety") :]
    for told in (
        f"an upload in the browser | {config['server']['maxUploadSize']} MB",
        f"listens on {config['server']['address']}",
        f"a table, unpacked | {decoding.MAX_BYTES:,} bytes",
        f"word vectors, unpacked | {vectors.MAX_BYTES:,} bytes",
        f"beyond {unpacking.SMALL_BYTES:,} bytes unpacked | {unpacking.MAX_EXPANSION} times",
        f"{tables.MAX_ROWS:,} rows, {delimited.MAX_COLUMNS:,} columns",
        f"{delimited.MAX_ROW:,}, {delimited.MAX_FIELD:,} and {values.MAX_ID} characters",
        f"{vectors.MAX_LINE_BYTES:,} bytes, {embedding.MAX_DIM:,} numbers",
        f"±{values.MAX_RATING:,.0f}",
        f"one by one | {problems.MAX_PROBLEMS:,};",
        f"{movielens.MAX_DOWNLOAD:,} bytes, and {movielens.MAX_UNPACKED:,} unpacked",
        f"up to {MAX_WORD} characters",
        f"({ConvMFConfig().max_length} by default)",
        f"{len(CORPUS)} hostile and broken files",
        f"{MEMORY >> 20} MB of memory",
    ):
        assert " ".join(told.split()) in " ".join(safety.split()), told
