"""What was wrong with a user's file: counts, the first rows, and all rejected rows to take home."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from convmf.data.readers import ReadReport, Table, problems_csv
from pages.shared.frame import plain

MAX_SHOWN = 100
SEPARATORS = {"\t": "tab", "|": "|", ";": "semicolon", ",": "comma", "::": "::", " ": "space"}


def show(report: ReadReport, kind: str) -> None:
    """The report of one file; ``kind`` is "ratings" or "items"."""
    text = f"{report.n_kept:,} of {report.n_rows:,} rows can be used."
    if report.n_rejected:
        text += f" {report.n_rejected:,} {_were(report.n_rejected)} left out."
    if report.n_warnings:
        text += f" {report.n_warnings:,} of the rows that can be used {_have(report.n_warnings)} a remark."
    (st.warning if report.n_rejected else st.success)(text)
    separator = SEPARATORS.get(report.separator, report.separator)
    header = "with a header line" if report.has_header else "without a header line"
    recognised = f"Recognised: columns separated by {plain(separator)}, encoding {report.encoding}, {header}."
    st.caption(f"{recognised} {report.encoding_doubt}".strip())
    if not report.counts:
        return
    st.dataframe(
        _counts(report),
        hide_index=True,
        height="content",
        column_config={"Rows": st.column_config.NumberColumn(format="%,d")},
        alt="How many rows had which problem",
    )
    with st.expander("Show the rows and their line numbers"):
        shown = report.problems.head(MAX_SHOWN)
        st.caption(f"The first {len(shown):,} of {sum(report.counts.values()):,}")
        st.dataframe(_labelled(shown), hide_index=True, alt="Rows that had a problem, with line, value and reason")
    if report.n_rejected:
        st.download_button(
            "Download the rejected rows (CSV)",
            partial(problems_csv, report),
            file_name=f"rejected_{kind}.csv",
            mime="text/csv",
            key=f"download_rejected_{kind}",
            on_click="ignore",
        )


def show_unknown(problems: pd.DataFrame, n_ratings: int) -> int:
    """Ratings of items that the items file doesn't have; returns how many there are."""
    count = len(problems) + problems.attrs.get("n_unlisted", 0)
    if not count:
        return 0
    st.info(
        f"{count:,} of {n_ratings:,} ratings are for items that the items file doesn't have. They are used all the "
        "same; these items have no description."
    )
    if count == n_ratings:
        st.warning("No rating fits an item of the items file. Check that both files use the same item labels.")
    with st.expander("Show these ratings"):
        shown = problems.head(MAX_SHOWN)
        st.caption(f"The first {len(shown):,} of {count:,}")
        st.dataframe(_labelled(shown), hide_index=True, alt="Ratings of items that the items file doesn't have")
    return count


def note(ratings: Table, items: Table | None, n_unknown: int = 0) -> str:
    """One line to keep with the data set: where it came from, what was left out, and whether the files fit each other;
    ``n_unknown`` ratings are of items that the items file doesn't have."""
    reports = [ratings.report] if items is None else [ratings.report, items.report]
    n_rejected = sum(report.n_rejected for report in reports)
    files = " and ".join(report.name for report in reports)
    told = f"Read from {files}; " + (f"{n_rejected:,} bad rows left out." if n_rejected else "no row left out.")
    if n_unknown == ratings.report.n_kept:
        return f"{told} No rating is of an item that has a description: the files use different item labels."
    return told


def _counts(report: ReadReport) -> pd.DataFrame:
    kept = report.problems.drop_duplicates("reason").set_index("reason")["kept"].to_dict()
    counts = sorted(report.counts.items(), key=lambda entry: -entry[1])
    return pd.DataFrame(
        {
            "Reason": [reason for reason, _ in counts],
            "Rows": [count for _, count in counts],
            "What happens": ["used" if kept.get(reason) else "left out" for reason, _ in counts],
        }
    )


def _labelled(problems: pd.DataFrame) -> pd.DataFrame:
    shown = problems.assign(kept=problems["kept"].map({True: "used", False: "left out"}).astype("str"))
    names = {"line": "Line", "field": "Column", "value": "Value", "reason": "Reason", "kept": "What happens"}
    return shown.rename(columns={**names, "row": "Row as it stands"})


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
