"""Texts that try to become more than text: a picture, a link, a script, a style, a place in a chart.

What is made of them tells itself: a request to the trap, ``window.hostile``, or a word with zz that stands alone.
"""

from __future__ import annotations

from dataclasses import replace

from convmf.data.dataset import Dataset
from tests.helpers import tiny_dataset

MAX_ID = 200
"""Characters of an id, as the readers take them."""
MARKUP, TWICE, PLACES = 3, 4, 12
"""Places of three texts in the list: tags, tags in entities, and what charts put figures into."""


def hostile_texts(trap: str) -> list[str]:
    """One-line texts with addresses below ``trap``, such as http://127.0.0.1:8080, and of another host."""
    return [
        f"![zzimage]({trap}/image) ![zzfar](http://example.org/far.png)",
        f"[zzlink]({trap}/link) [zzscheme](javascript:window.hostile=1)",
        f"<script>window.hostile=1</script><script src={trap}/script></script>",
        f"<img src={trap}/img onerror=window.hostile=1><b>zzbold</b>",
        f"&lt;img src={trap}/twice onerror=window.hostile=1&gt; &#60;img src={trap}/thrice&#62;",
        f"<svg onload=window.hostile=1><image href={trap}/svg></svg><iframe src={trap}/frame></iframe>",
        f"</script></style></title></textarea><img src={trap}/end onerror=window.hostile=1>",
        f"<a href='javascript:window.hostile=1'>zzanchor</a> <a href={trap}/a xlink:href={trap}/x>zzanchor</a>",
        f"<style>*{{background:url({trap}/style)}}</style> url({trap}/url)",
        '"}]});window.hostile=1;// \\u003cscript\\u003ewindow.hostile=1\\u003c/script\\u003e',
        "'];window.hostile=1;['+datum.label+${window.hostile=1}+`${window.hostile=1}`",
        '{"expr":"window.hostile=1","signal":"zz","url":"http://example.org/vega.json"} datum[\'zz\']',
        "%{customdata[0]} %{y} %{x} {{7*7}} {0.__class__} %s %(zz)s",
        "$zzlatex^2$ $$zzlatex$$ \\(zzlatex\\) \\href{javascript:window.hostile=1}{zz}",
        ":red[zzred] :blue-background[zzback] :material/skull: :streamlit: :small[zzsmall] :skull:",
        f"{trap}/bare www.example.org zz@example.org <http://example.org/auto> [zzref]: {trap}/ref",
        "# zzheading",
        "- [ ] zztask",
        "> zzquote **zzstrong** _zzweak_ ~~zzstruck~~ `zzcode`",
        f'=HYPERLINK("{trap}/sheet","zz") | zzcell | ---',
        "\u202ezzmirrored \u2066zzisolated\u2069 zz\u200bwidth \u200fzz\u200e e\u0301\u0301\u0301",
        f"data:text/html,<script>window.hostile=1</script> blob:{trap}/blob file:///etc/passwd",
    ]


def hostile_block(trap: str) -> str:
    """A text of many lines: what Markdown only reads at the start of a line, and all of the others."""
    return "\n".join(
        [
            *hostile_texts(trap),
            "zzsetext\n========",
            "| zzhead |\n|---|\n| zzcell |",
            f"![zzimage][ref]\n\n[ref]: {trap}/reference",
            f"```\nzzfence\n```\n    zzindented\n<details open><summary>zzsum</summary><img src={trap}/d></details>",
        ]
    )


def hostile_dataset(trap: str) -> Dataset:
    """The tiny data set, with hostile texts for its name, ids, titles and genres, and in its descriptions."""
    data = tiny_dataset(44, 32)
    found = hostile_texts(trap)

    def text(place: int) -> str:
        return found[place % len(found)]

    return replace(
        data,
        name=text(3),
        user_ids=tuple(f"{text(row)} u{row}"[-MAX_ID:] for row in range(data.n_users)),
        item_ids=tuple(f"{text(row + 1)} i{row}"[-MAX_ID:] for row in range(data.n_items)),
        titles=tuple(f"{text(row)} {row}" for row in range(data.n_items)),
        genres=tuple(f"{text(row // 4)}|{text(row // 4 + 7)}" for row in range(data.n_items)),
        texts=tuple(f"{given} {hostile_block(trap)} {text(row)}" for row, given in enumerate(data.texts)),
    )
