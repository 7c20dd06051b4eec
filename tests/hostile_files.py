"""A corpus of hostile and broken files, built in code, and what each of them has to come to.

``python -m tests.hostile_files`` reads names of the corpus from its input and reads each file in a process of its
own within MEMORY and SECONDS; for each it writes a line of JSON with what came of it.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import random
import resource
import select
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convmf.data import problems
from convmf.data.dataset import Dataset
from convmf.data.readers import preview, problems_csv, read_items, read_ratings
from convmf.data.text import Vocabulary
from convmf.data.vectors import read_vectors
from convmf.errors import DataError

MEMORY = 300 << 20
"""Bytes that reading one file of the corpus may take beside the libraries, the file itself among them."""
SECONDS = 60
"""After so long a reading is killed. All take under two seconds on a quiet machine; a busy one gets time."""

KB, MB = 1 << 10, 1 << 20
ACCENTS = "\u0301\u0316"


@dataclass(frozen=True)
class Hostile:
    """One file. ``error`` is a word of its only error; else ``kept`` rows and ``counts`` by reason are reported."""

    kind: str
    make: Callable[[], bytes | str]
    error: str = ""
    kept: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def content(self) -> bytes:
        made = self.make()
        return made.encode() if isinstance(made, str) else made

    def is_told_by(self, message: str) -> bool:
        """Whether a message says what is wrong with this file; ``error`` may give several words, with "|" between."""
        return bool(self.error) and any(word in message for word in self.error.split("|"))


CORPUS: dict[str, Hostile] = {}


def _ratings(name: str, make: Any, error: str = "", kept: int = 0, **counts: int) -> None:
    _add("ratings", name, make, error, kept, counts)


def _items(name: str, make: Any, error: str = "", kept: int = 0, **counts: int) -> None:
    _add("items", name, make, error, kept, counts)


def _vectors(name: str, make: Any, error: str = "", kept: int = 0, bad: int = 0) -> None:
    """``bad`` lines are left out."""
    _add("vectors", name, make, error, kept, {"bad": bad} if bad else {})


def _add(kind: str, name: str, make: Any, error: str, kept: int, counts: Mapping[str, int]) -> None:
    key = f"{kind}: {name}"
    assert key not in CORPUS and bool(error) != bool(kept), key
    by_reason = {getattr(problems, reason.upper(), reason): count for reason, count in counts.items()}
    CORPUS[key] = Hostile(kind, make if callable(make) else lambda: make, error, kept, by_reason)


def _zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "user,item,rating\n1,2,3\n")
    return file.getvalue()


def _bomb(content: bytes, times: int) -> bytes:
    """A gzip file of ``times`` members: small, quickly made, and huge when unpacked."""
    return gzip.compress(content) * times


def _noise(size: int) -> bytes:
    return random.Random(0).randbytes(size)


HEAD = "user,item,rating\n"
GOOD = "ann,x,4\nbob,y,3\n"
SOUND = HEAD + GOOD
SOUND_ITEMS = "item,title,text\nx,One,A war film\ny,Two,A love story\n"

# Separators and rows -----------------------------------------------------------------------------

_ratings("spaces between the columns", "user item rating\nann x 4\nbob y 3\n", "could be told apart")
_ratings("carets between the columns", "user^item^rating\nann^x^4\n", "could be told apart")
_ratings("colons between the columns", "user:item:rating\nann:x:4\n", "could be told apart")
_ratings("another separator from the middle on", SOUND + "cat;x;2\ncat;y;1\n", kept=2, too_few_fields=2)
_ratings("two separators between the columns", "user;;item;;rating\nann;;x;;4\n", kept=1)
_ratings("a separator behind each row but the header", HEAD + "ann,x,4,\nbob,y,3,\n", "too many fields")
_ratings("the separator named as Excel does", "sep=;\nuser;item;rating\nann;x;4\n", kept=1)
_ratings(
    "rows of different length",
    SOUND + "a\nb,c\nd,x,1,2,3\ne,,\n",
    kept=2,
    too_few_fields=2,
    too_many_fields=1,
    item_missing=1,
)
_ratings("one column", "rating\n4\n3\n", "could be told apart")
_ratings("two columns", "user,item\nann,x\n", "no column for rating")
_ratings("separators alone", ",,\n" * 50_000, "all 50,000 were rejected")
_ratings("line ends alone", "\n\r\r\n" * MB, "is empty")
_ratings("200,000 blank lines around two rows", HEAD + "\n" * 100_000 + GOOD + "\n" * 100_000, kept=2)
_ratings("old Mac line ends and Windows ones", SOUND.replace("\n", "\r") + "cat,x,2\r\n", kept=3)
_ratings("no line ends", "ann,x,4," * 2 * MB, "columns; at most 1,000")
_ratings("one rating a hundred thousand times", HEAD + "ann,x,4\n" * 100_000, kept=1, duplicate_rating=99_999)

# Header ------------------------------------------------------------------------------------------

_ratings("nothing", b"", "is empty")
_ratings("only a header", HEAD, "a header and no rows")
_ratings("only a header without a line end", HEAD.strip(), "a header and no rows")
_ratings("duplicate headers", "user,item,rating,rating\nann,x,4,4\n", "two columns named 'rating'")
_ratings("the header again in the middle", SOUND + HEAD + "cat,x,2\n", kept=3, rating_not_a_number=1)
_ratings("a header with escapes for a terminal", "\x1b[2Juser,it\u202eem,r\x07\nann,x\n", "\\x1b[2Juser")
_ratings("headers of 100 kB", ",".join(char * 100 * KB for char in "ab") + "\n1,2\n", "no column for rating")
_ratings("a header of accents", "user,item,r" + ACCENTS * 60 * KB + "\nann,x,4\n", kept=1, rating_not_a_number=1)
_ratings("empty names", ",,\nann,x,4\nbob,y,3\n", kept=2, user_missing=1)
_ratings("a million columns", ",".join(f"c{number}" for number in range(1_000_000)), "columns; at most 1,000")
_ratings("a million empty columns", "," * 1_000_000 + "\n", "columns; at most 1,000")
_ratings("a row of a million columns", SOUND + "," * 1_000_000 + "\ncat,x,2\n", kept=3, too_many_fields=1)
_ratings("a thousand and one columns", ",".join(f"c{number}" for number in range(1001)) + "\n", "1,001 columns")

# Quotes ------------------------------------------------------------------------------------------

_ratings(
    "an unclosed quote in the first row",
    HEAD + '"ann,x,4\n' + "bob,y,3\n" * 50_000,
    kept=1,
    unclosed_quote=1,
    duplicate_rating=49_999,
)
_ratings("an unclosed quote at the end", SOUND + 'cat,"x,2', kept=2, unclosed_quote=1)
_ratings("a quote opened in every row", HEAD + 'ann,"x,4\n' * 50_000, "a quote opens here")
_ratings("rows that close one quote and open the next", HEAD + 'x","\n' * 60_000 + 'a"\n', "a quote opens here")
_ratings("five megabytes of quotes", SOUND + '"' * 5 * MB + "\n", kept=2, field_too_long=1)
_ratings("quotes in the middle of fields", HEAD + 'a"n"n,x"",4\nbob,y,"3"\n', kept=2)
_ratings("typographic quotes", HEAD + "“ann”,«x»,4\n", kept=1)

# Encodings and NULs ------------------------------------------------------------------------------

_ratings(
    "half UTF-8, half Latin-1",
    ("é,x,4\n" * 30).encode() + HEAD.encode() + "ü,y,3\n".encode("latin-1"),
    kept=1,
    duplicate_rating=29,
    rating_not_a_number=1,
    misfit_bytes=1,
)
_ratings("UTF-8 and Shift-JIS", HEAD.encode() + "猫,x,4\n".encode() + "犬,y,3\n".encode("cp932"), kept=2)
_ratings("UTF-16 without a mark", SOUND.encode("utf-16-le"), "without a byte order mark")
_ratings("UTF-16 cut in a character", SOUND.encode("utf-16")[:-1], kept=1, misfit_bytes=1)
_ratings(
    "UTF-16 with halves of pairs", SOUND.encode("utf-16") + b"\x00\xd8,\x00x\x00,\x001\x00", kept=2, misfit_bytes=1
)
_ratings("UTF-32 beyond Unicode", SOUND.encode("utf-32") + b"\xff" * 8, kept=2, misfit_bytes=1)
_ratings("overlong UTF-8", ("é,x,4\n" * 30).encode() + b"\xc0\xaf,y,3\n", kept=1, duplicate_rating=29, misfit_bytes=1)
_ratings(
    "a byte order mark in the middle",
    SOUND.encode() + ("\ufeff" + HEAD + "cat,x,2\n").encode(),
    kept=3,
    rating_not_a_number=1,
)
_ratings("EBCDIC", SOUND.encode("cp500") * 20, "binary|told apart")
_ratings("NULs in a field", HEAD + "a\0n,x,4\nbob,y,3\n", kept=1, nul_character=1)
_ratings("NULs at the end, as after a power cut", SOUND + "\0" * 16, kept=2, nul_character=1)
_ratings("NULs alone", bytes(10 * MB), "binary")
_ratings("noise", lambda: _noise(3 * MB), "binary")
_ratings("noise with separators", lambda: _noise(MB).replace(b"\0", b",1,2\n"), "binary")

# Numbers -----------------------------------------------------------------------------------------

_ratings("decimal commas between semicolons", "user;item;rating\nann;x;1,5\nbob;y;3\n", kept=2)
_ratings("decimal commas between commas", HEAD + 'ann,x,"1,5"\nbob,y,3\n', kept=1, rating_not_a_number=1)
_ratings("full-width numbers", HEAD + "ann,x,１\nbob,y,４．５\n", kept=2)
_ratings("Arabic numbers", HEAD + "ann,x,٣\nbob,y,2\n", kept=2)
_ratings("infinities", HEAD + "a,x,inf\nb,x,-Infinity\nc,x,NaN\nd,x,1e999\ne,x,1\n", kept=1, rating_not_finite=4)
_ratings("numbers too large for single precision", HEAD + "a,x,1e300\nb,x,-1e39\nc,x,1\n", kept=1, rating_not_finite=2)
_ratings("numbers too small for single precision", HEAD + "a,x,1e-300\nb,x,4e-324\nc,x,-0.0\n", kept=3)
_ratings(
    "dates as ratings",
    HEAD + "a,x,2024-01-31\nb,x,31.1.2024\nc,x,20240131\nd,x,4\n",
    kept=1,
    rating_not_a_number=2,
    rating_not_finite=1,
)
_ratings("times as ratings", HEAD + "a,x,1700000000\nb,x,1700000001\n", "too large")
_ratings(
    "stars, fractions and per cent", HEAD + "a,x,★★★\nb,x,4/5\nc,x,80%\nd,x,$4\ne,x,4\n", kept=1, rating_not_a_number=4
)
_ratings(
    "numbers as programs write them",
    HEAD + "a,x,0x1F\nb,x,1_0\nc,x,1e\nd,x,--1\ne,x,1.5\n",
    kept=1,
    rating_not_a_number=4,
)
_ratings("a number of a million digits", HEAD + "a,x," + "9" * 1_000_000 + "\nb,x,1\n", kept=1, rating_not_a_number=1)
_ratings("a rating of accents", HEAD + "a,x,4" + ACCENTS * 200 * KB + "\nb,x,1\n", kept=1, rating_not_a_number=1)
_ratings(
    "times from nowhere",
    "user,item,rating,time\na,x,4,soon\nb,x,3,9999-99-99\nc,x,1,-1e300\nd,x,2,\n",
    kept=4,
    timestamp_unreadable=2,
)

# Labels ------------------------------------------------------------------------------------------

_ratings("ids of 1 MB", HEAD + "a" * (MB - 50 * KB) + ",x,4\nbob,y,3\n", kept=1, id_too_long=1)
_ratings("ids longer than any field", HEAD + "a" * MB + ",x,4\nbob,y,3\n", kept=1, field_too_long=1)
_ratings("ids with control characters", HEAD + "a\x07,x,4\nb,\x1b[31m,3\nc\x85d,x,2\nbob,y,3\n", kept=1, id_control=3)
_ratings("right-to-left and zero-width ids", HEAD + "\u202eann,x,4\n\u200b,x,3\nשלום,\u2066y,2\nann,x,1\n", kept=4)
_ratings(
    "ids that a spreadsheet would run", HEAD + "=cmd|' /C calc'!A0,x,4\n+1,@SUM(A1),x\n", kept=1, rating_not_a_number=1
)
_ratings("ids of accents", HEAD + "a" + ACCENTS * 90 + ",x,4\nb" + ACCENTS * 100 * KB + ",x,3\n", kept=1, id_too_long=1)
_ratings("white space for ids", HEAD + "\u3000,x,4\n\u00a0,y,3\n\t,z,2\nbob,y,3\n", kept=1, user_missing=3)
_ratings("a line of 9 MB", SOUND + "z" * 9 * MB + "\ncat,x,2\n", kept=3, field_too_long=1)
_ratings("a line of 10 MB", SOUND + "z" * 10 * MB + "\ncat,x,2\n", kept=3, row_too_long=1)
_ratings("a line of 20 MB of short fields", SOUND + "z," * 10 * MB + "\ncat,x,2\n", kept=3, row_too_long=1)
_ratings("40 MB without a line end", lambda: b"z" * 40 * MB, "could be told apart")

# Other files, renamed ----------------------------------------------------------------------------

_ratings("an Excel workbook", _zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel")
_ratings("a zip archive", _zipped("ratings.csv"), "zip")
_ratings("an empty zip archive", _zipped(), "zip")
_ratings("an old Excel file", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "old Excel")
_ratings("a web page", "<!DOCTYPE html><html><body>404, not found</body></html>", "a web page")
_ratings("a web page in capitals", "\n<HTML><BODY>a,b,c</BODY></HTML>", "a web page")
_ratings("JSON", '[{"user": 1, "item": 2, "rating": 3}]', "JSON")
_ratings("JSON over several lines", '[\n  {"user": 1, "item": 2, "rating": 3}\n]', "JSON")
_ratings("XML", '<?xml version="1.0"?><ratings><r u="1" i="2">3</r></ratings>', "XML")
_ratings("a pickle", pickle.dumps([("ann", "x", 4.0)] * 9, protocol=4), "binary|told apart|rejected")
_ratings("a program", b"\x7fELF\x02\x01\x01" + bytes(9) + _noise(5000), "binary")
_ratings("a bomb of rows", lambda: _bomb(b"1,2,3\n" * (2 * MB), 40), "unpacks to more than")
_ratings("a bomb of one line", lambda: _bomb(b"a" * 12 * MB, 40), "unpacks to more than")
_ratings("a bomb of NULs", lambda: _bomb(bytes(16 * MB), 400), "binary")
_ratings("gzip in gzip", gzip.compress(gzip.compress(SOUND.encode())), "gzip file inside a gzip file")
_ratings("gzip cut short", gzip.compress(SOUND.encode())[:-9], "damaged gzip")
_ratings("gzip with a wrong checksum", gzip.compress(SOUND.encode())[:-8] + bytes(8), "damaged gzip")
_ratings("gzip with a tail of something else", gzip.compress(SOUND.encode()) + b"tail", "damaged gzip")
_ratings("the first two bytes of gzip", b"\x1f\x8b", "damaged gzip")
_ratings("gzip of nothing", gzip.compress(b""), "is empty")

# Items -------------------------------------------------------------------------------------------

_items("nothing", b"", "is empty")
_items("only a header", "item,title,text\n", "a header and no rows")
_items("ids alone", "item\nx\ny\n", "told apart")
_items("duplicate headers", "item,text,text\nx,a,b\n", "two columns named 'text'")
_items(
    "duplicate, missing and broken ids",
    SOUND_ITEMS + "x,Again,text\n,No id,text\n\x01,Bell,t\n",
    kept=2,
    duplicate_item=1,
    item_missing=1,
    id_control=1,
)
_items("a text of 10 MB", SOUND_ITEMS + f"z,Long,{'war ' * 2_500_000}\n", kept=2, row_too_long=1)
_items("a text of 2 MB in quotes", SOUND_ITEMS + f'z,Long,"{"war " * 500_000}"\n', kept=2, field_too_long=1)
_items("a text that just fits", SOUND_ITEMS + f"z,Long,{'war ' * 249_000}\n", kept=3)
_items("a text of one word of 1 MB", SOUND_ITEMS + f"z,Long,{'w' * 999_000}\n", kept=3)
_items("a text of accents", SOUND_ITEMS + f"z,Zalgo,e{ACCENTS * 499_000}\n", kept=3)
_items("a text of apostrophes", SOUND_ITEMS + f"z,Quotes,{'a' + chr(39) * 400_000 + 'a’' * 200_000}\n", kept=3)
_items("a ligature that unfolds to eighteen characters", SOUND_ITEMS + f"z,Long,{chr(0xFDFA) * 900_000}\n", kept=3)
_items(
    "right-to-left and zero-width text",
    SOUND_ITEMS + "z,\u202eeltit\u202c,\u200b\u200f\ufeffשלום عالم\u2028next\n",
    kept=3,
)
_items(
    "emoji, flags and unassigned characters",
    SOUND_ITEMS + "z,👩\u200d👩\u200d👧,🇯🇵\U000e0001\u0378\U0010ffff\n",
    kept=3,
)
_items("markup and formulas", SOUND_ITEMS + 'z,<script>alert(1)</script>,"=HYPERLINK(""http://a"",""b"")"\n', kept=3)
_items("control characters in a text", SOUND_ITEMS + "z,\x1b[31mred,\x07\x08\x7f\x9b\n", kept=3)
_items("NULs in a text", SOUND_ITEMS + "z,Nul,a\0b\n", kept=2, nul_character=1)
_items(
    "UTF-8 and Latin-1",
    ("x,Été,À la mode\n" * 20).encode() + b"y,\xe9t\xe9,\xe0\n",
    kept=1,
    duplicate_item=19,
    misfit_bytes=1,
)
_items(
    "an unclosed quote above many rows",
    SOUND_ITEMS + 'z,Open,"never\n' + "w,W,words\n" * 20_000,
    kept=3,
    unclosed_quote=1,
    duplicate_item=19_999,
)
_items("a quoted text over 20,000 lines", SOUND_ITEMS + 'z,Long,"' + "line\n" * 20_000 + 'end"\n', kept=3)
_items(
    "rows that close one quote and open the next",
    SOUND_ITEMS + 'x","\n' * 60_000 + 'a"\n',
    kept=2,
    unclosed_quote=60_000,
    too_few_fields=1,
)
_items("a million columns", "item," * 1_000_000, "columns; at most 1,000")
_items("an Excel workbook", _zipped("xl/workbook.xml"), "Excel")
_items("a bomb of texts", lambda: _bomb(b"x,title,text\n" * MB, 40), "unpacks to more than")
_items("noise", lambda: _noise(2 * MB), "binary")

# Word vectors ------------------------------------------------------------------------------------

_vectors("nothing", b"", "is empty")
_vectors("only a header", "400000 300\n", "None of the first lines")
_vectors("a table of ratings", SOUND, "None of the first lines")
_vectors("a file of plain text", "once upon a time there was a war\n" * 999, "None of the first lines")
_vectors("a binary file of word2vec", b"2 3\nwar " + bytes(12) + b"\nlove " + bytes(12), "binary format")
_vectors("infinities and words for numbers", "the 1 2\nwar inf 2\nwar nan 2\nlove one 2\nlove 1 2\n", kept=1, bad=3)
_vectors("rows of different length", "the 1 2\nwar 1\nwar 1 2 3\nwar 3 4\nlove\nlove 1 2\n", kept=2, bad=3)
_vectors("a line of 10 MB", "war 1 2\nlove" + " 1" * 5 * MB + "\nlove 3 4\n", kept=2, bad=1)
_vectors("a word of 10 MB", "war 1 2\n" + "l" * 10 * MB + " 1 2\nlove 3 4\n", kept=2, bad=1)
_vectors("a million numbers a word", "war" + " 1" * 1_000_000 + "\n", "numbers a word; at most|None of the first lines")
_vectors("a word of accents", "war 1 2\n" + ("e" + ACCENTS * 15_000 + " 1 2\n") * 20, kept=1)
_vectors("words in Latin-1", b"war 1 2\n" + "café 1 2\n".encode("latin-1"), kept=1)
_vectors("UTF-16", "war 1 2\nlove 3 4\n".encode("utf-16"), "UTF-16")
_vectors("NULs alone", bytes(MB), "binary")
_vectors("a header that promises too much", "99999999999 2\nwar 1 2\n", kept=1, bad=1)
_vectors("a zip archive", _zipped("glove.txt"), "zip")
_vectors("gzip cut short", gzip.compress(b"war 1 2\nlove 3 4\n")[:-9], "damaged gzip")
_vectors("a bomb", lambda: _bomb((b"the" + b" 0" * 100 + b"\n") * 20_000, 40), "unpacks to more than")


# Reading one within bounds -----------------------------------------------------------------------


def read(name: str) -> dict[str, Any]:
    """What reading a file of the corpus, and using what was read, comes to; only a DataError is an answer."""
    hostile = CORPUS[name]
    content = hostile.content()
    try:
        if hostile.kind == "vectors":
            vectors = read_vectors(content, {"war", "love"}, "mine.txt")
            return {"kept": len(vectors.words), "counts": {"bad": vectors.n_bad_lines} if vectors.n_bad_lines else {}}
        table = (read_ratings if hostile.kind == "ratings" else read_items)(content, name="mine.csv")
    except DataError as error:
        return {"error": str(error)}
    report = table.report
    assert preview(content).columns and problems_csv(report)
    assert report.n_kept == len(table.frame) == report.n_rows - report.n_rejected
    if hostile.kind == "ratings":
        assert Dataset.from_tables(table.frame).n_ratings == report.n_kept
    else:
        assert len(Vocabulary.build(table.frame["text"]).encode(list(table.frame["text"]), 300)) == report.n_kept
    return {"kept": report.n_kept, "counts": dict(report.counts)}


def _bounded(name: str) -> dict[str, Any]:
    """:func:`read` in a forked process with a limit of memory, killed when its time is up."""
    started = time.monotonic()
    source, target = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _answer(name, target)
        os._exit(0)
    os.close(target)
    text = b""
    while left := max(started + SECONDS - time.monotonic(), 0):
        if select.select([source], [], [], left)[0]:
            piece = os.read(source, 65536)
            if not piece:
                break
            text += piece
    else:
        os.kill(child, signal.SIGKILL)
    os.close(source)
    _, status, usage = os.wait4(child, 0)
    result: dict[str, Any] = json.loads(text) if text and status == 0 else {"crash": f"ended with status {status}"}
    return {**result, "seconds": round(time.monotonic() - started, 2), "cpu": round(usage.ru_utime + usage.ru_stime, 2)}


def _answer(name: str, target: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        if sys.platform == "linux":  # elsewhere the size of a process can't be told, or isn't limited
            with open("/proc/self/statm") as file:
                size = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        result = read(name)
    except BaseException:
        result = {"crash": traceback.format_exc()[-2000:]}
    result["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    with os.fdopen(target, "wb") as file:
        file.write(json.dumps(result).encode())


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_bounded(line.rstrip("\n"))) + "\n")
        sys.stdout.flush()
