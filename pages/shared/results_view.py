"""One run's results on the page: what came out, beside what, where it is wrong, and downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd
import streamlit as st

from convmf.errors import ConvMFError
from convmf.runs import export
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import address, data_view, frame, run_view
from pages.shared.workspace import dataset, model, store

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.evaluation.bootstrap import Estimate
    from convmf.evaluation.comparison import Row
    from convmf.evaluation.held_out import Example
    from convmf.evaluation.plots import Picture
    from convmf.evaluation.results import Results

PLOT_CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "convmf"},
}
_TONES = {"good": ("green", "good news"), "neutral": ("gray", "worth knowing"), "bad": ("orange", "take care")}
_BY = {"item": "Ratings of the item", "user": "Ratings of the user", "rating": "Real rating"}
_NONE = "–"
CHART_WIDTH = data_view.CHART_WIDTH
N_USERS = 50


@st.cache_resource(show_spinner="Predicting the held-out ratings anew …", max_entries=4)
def results(run_id: str, ended: str) -> Results:
    """The results of an ended run, measured from its saved model; ``ended`` makes those of a resumed run new ones."""
    from convmf.evaluation.results import Results

    run = store().run(run_id)
    assert run.report is not None
    record = store().dataset_record(run.dataset_id)
    return Results.measure(
        model(run_id, ended), dataset(run.dataset_id), run.report, run_view.lowest_possible(record) or {}
    )


def show(run: RunRecord, record: DatasetRecord) -> None:
    """Everything there is to see of a run with a report."""
    _head(run, record)
    try:
        found = results(run.id, str(run.ended))
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        st.caption("Its figures can't be checked or broken down without its model. Train it again on the Train page.")
        show_curves(run)
        return
    _findings(found)
    _comparison(found)
    part = _choose_part(found)
    _where_wrong(found, part)
    _examples(found, part)
    show_curves(run)
    _measured(found)
    _downloads(run, record, found)


def show_curves(run: RunRecord) -> None:
    """The learning curves of a run."""
    from convmf.evaluation.plots import curves_plot

    history = store().history(run.id)
    if history:
        st.header("The training", anchor="training")
        draw(curves_plot({run.name: history}), "curves")


def draw(picture: Picture, key: str, *, width: int | Literal["stretch"] = "stretch") -> None:
    """A figure with what it is beside it."""
    with st.container(border=True, width=width):
        st.subheader(picture.title, anchor=False)
        st.plotly_chart(picture.figure, config=PLOT_CONFIG, alt=picture.alt, key=f"results_{key}")
        st.caption(picture.what)


# What came out ------------------------------------------------------------------------------------


def _head(run: RunRecord, record: DatasetRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        word, color = run_view.STATES[run.state]
        st.badge(word, color=color)
        if data_view.is_sample(record):
            st.badge("Invented data", color="orange", help=f"{record.note} {data_view.floor_text()}")
        for tag in run.tags:
            st.badge(frame.plain(tag), color="blue")
        ended = f", ended {run.ended:%d %B %Y, %H:%M} UTC" if run.ended else ""
        st.caption(f"Trained on {frame.plain(record.name)}{ended}.")
        st.page_link("pages/cold_start.py", label="**Describe a new item** →", query_params={"run": run.id})


def _findings(found: Results) -> None:
    """The cards that say in sentences what the figures say."""
    shown = found.findings
    for start in range(0, len(shown), 2):
        for column, finding in zip(st.columns(2), shown[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                color, word = _TONES[finding.tone]
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"**{frame.plain(finding.title)}**", width="content")
                    st.badge(word, color=color)
                st.markdown(frame.plain(finding.text))


# Beside simpler methods ---------------------------------------------------------------------------


def _comparison(found: Results) -> None:
    from convmf.evaluation.results import PART_MEANINGS, PART_TITLES

    st.header("Beside simpler methods", anchor="comparison")
    with st.container(horizontal=True):
        for part in found.part_names:
            draw(found.comparison_picture(part), f"comparison_{part}", width=CHART_WIDTH)
    st.table(
        comparison_table({PART_TITLES[part]: found.rows[part] for part in found.part_names}),
        border="horizontal",
        width="stretch",
    )
    lines = [f"{PART_TITLES[part]}: {PART_MEANINGS[part]}" for part in found.part_names]
    lines.append(
        "In brackets: 95 % intervals. “Less error” is how much lower the model's error is than that of the row, "
        "measured on the same users."
    )
    if any(row.rmse is None for rows in found.rows.values() for row in rows):
        lines.append(
            "Not measured in this run: methods that need a training of their own. They can be switched on before a "
            "training, on the Train page."
        )
    st.caption(" ".join(lines))
    _further(found)


def comparison_table(parts: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """The rows as text, with two columns for each part; the model in bold."""
    table: dict[str, dict[str, str]] = {}
    for title, rows in parts.items():
        for row in rows:
            line = table.setdefault(row.label, {})
            rmse = "not measured" if row.rmse is None else _with_interval(row.rmse, "{:.3f}")
            line[f"RMSE, {title.lower()}"] = f"**{rmse}**" if row.is_model else rmse
            line[f"Less error, {title.lower()}"] = _with_interval(row.gain, "{:.1%}") if row.gain else _NONE
    shown = pd.DataFrame.from_dict(table, orient="index").fillna(_NONE)
    meanings = {row.label: row.meaning for rows in parts.values() for row in rows}
    return shown.assign(**{"What it is": shown.index.map(meanings)})


def _with_interval(estimate: Estimate, form: str) -> str:
    text = form.format(estimate.value)
    if estimate.interval is None:
        return text
    lower, upper = (form.format(end) for end in estimate.interval)
    return f"{text} ({lower} to {upper})"


def _further(found: Results) -> None:
    """Figures that other parts of the evaluation put into the report."""


# Where it is wrong --------------------------------------------------------------------------------


def _choose_part(found: Results) -> str:
    from convmf.evaluation.results import PART_MEANINGS, PART_TITLES

    st.header("Where it is wrong", anchor="errors")
    names = found.part_names
    part = address.choice("Ratings of", {name: PART_TITLES[name] for name in names}, "part", names[0])
    st.caption(PART_MEANINGS[part])
    return part


def _where_wrong(found: Results, part: str) -> None:
    by = address.choice("Error by", _BY, "by", "rating")
    draw(found.slices_picture(part, by), f"slices_{part}_{by}")
    with st.container(horizontal=True):
        for picture in found.accuracy_pictures(part):
            draw(picture, f"{picture.title}_{part}", width=CHART_WIDTH)
    with st.expander("Single users with the largest error", key="results_users"):
        _users(found, part)


def _users(found: Results, part: str) -> None:
    from convmf.evaluation.diagnostics import MIN_USER_RATINGS, user_errors

    held = found.parts[part]
    users = user_errors(held.ratings.user_index, held.error)
    if not users:
        st.caption(f"No user has {MIN_USER_RATINGS} held-out ratings or more; with fewer, an error says little.")
        return
    table = pd.DataFrame(
        {
            "User": [found.dataset.user_ids[user.user_index] for user in users[:N_USERS]],
            "RMSE": [user.rmse for user in users[:N_USERS]],
            "Mean error": [user.mean_error for user in users[:N_USERS]],
            "Held-out ratings": [user.n_ratings for user in users[:N_USERS]],
        }
    )
    st.caption(
        f"The first {len(table):,} of {len(users):,} users with {MIN_USER_RATINGS} held-out ratings or more. Mean "
        "error: predicted less real; above 0, the model promises this user too much."
    )
    figures = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        width=560,
        key=f"results_users_{part}",
        alt="Users by the size of the model's error",
        column_config={"RMSE": figures(format="%.2f"), "Mean error": figures(format="%+.2f")},
    )


def _examples(found: Results, part: str) -> None:
    from convmf.evaluation.held_out import examples
    from convmf.evaluation.results import EXAMPLE_KINDS

    st.header("Single predictions and their texts", anchor="examples")
    kind = address.choice("Predictions", EXAMPLE_KINDS, "examples", "worst", show_label=False)
    shown = examples(found.parts[part], found.dataset, kind)
    event = st.dataframe(
        examples_table(shown),
        hide_index=True,
        width="stretch",
        key=f"results_examples_{part}_{kind}",
        on_select="rerun",
        selection_mode="single-row-required",
        alt="Held-out ratings with their predictions",
        column_config={
            name: st.column_config.NumberColumn(format=form)
            for name, form in (("Real", "%g"), ("Predicted", "%.2f"), ("Error", "%+.2f"), ("Averages", "%.2f"))
        },
    )
    st.caption(
        "Error: predicted less real. Averages: what user and item averages alone predict. Choose a row to read the "
        "item's description."
    )
    rows = [row for row in event["selection"]["rows"] if row < len(shown)] or [0]
    _example(shown[rows[0]], known=part == "test")


def _example(example: Example, *, known: bool) -> None:
    with st.container(border=True):
        st.markdown(f"**{frame.plain(example.title)}**")
        count = f"{example.item_count:,} ratings to learn from" if known else "no rating to learn from"
        st.caption(
            f"User {frame.plain(example.user_id)} gave {example.rating:g}; predicted were {example.predicted:.2f}. "
            f"The model had {count} of this item and {example.user_count:,} of this user."
        )
        st.text(example.text or "It has no description.")


def examples_table(shown: Sequence[Example]) -> pd.DataFrame:
    """A row an example."""
    return pd.DataFrame(
        {
            "Item": [example.title for example in shown],
            "User": [example.user_id for example in shown],
            "Real": [example.rating for example in shown],
            "Predicted": [example.predicted for example in shown],
            "Error": [example.predicted - example.rating for example in shown],
            "Averages": [example.averages for example in shown],
            "Ratings of the item": [example.item_count for example in shown],
            "Description": [example.text for example in shown],
        }
    )


# Check and take away ------------------------------------------------------------------------------


def _measured(found: Results) -> None:
    """How the figures came about, and the one check that counts: the saved model still gives them."""
    from convmf.evaluation.results import PART_TITLES

    st.header("How this was measured", anchor="measured")
    for part in found.part_names:
        now, then = found.checked(part)
        if then is not None and abs(now - then) < 5e-4:
            st.caption(
                f"✓ {PART_TITLES[part]}: the saved model, asked again just now, gives RMSE {now:.4f}, as the training "
                "wrote down."
            )
        elif then is not None:
            st.warning(
                f"{PART_TITLES[part]}: the saved model gives RMSE {now:.4f} now, but the training wrote down "
                f"{then:.4f}. The data set or the model was changed since; train it again."
            )
    facts = pd.DataFrame(found.facts(), columns=["What", "How"]).set_index("What")
    st.table(facts.map(frame.plain), border="horizontal", width="stretch")


@dataclass(frozen=True)
class Offer:
    """A file to download; it is made when it is asked for."""

    label: str
    make: Callable[[], bytes | str]
    file_name: str
    mime: str
    help: str


def offers(run: RunRecord, note: str, found: Results) -> list[Offer]:
    """All files that a run gives to take away."""
    stem = f"convmf_{run.id[:8]}"
    return [
        Offer(
            "Report for a client (HTML)",
            lambda: found.client_report(run.name, note).to_html(),
            f"{stem}_report.html",
            "text/html",
            "One file with all figures and some examples, for any browser, offline too.",
        ),
        Offer(
            "Predictions (CSV)",
            lambda: export.predictions_csv(found.dataset, found.parts),
            f"{stem}_predictions.csv",
            "text/csv",
            "Every held-out rating and what was predicted for it: all errors can be checked by it.",
        ),
        Offer(
            "Model (ZIP)",
            lambda: export.model_zip(store().model_folder(run.id), run),
            f"{stem}_model.zip",
            "application/zip",
            "For the library and the command line. It holds the ratings and user ids that it learned from.",
        ),
        Offer(
            "Settings (JSON)",
            lambda: export.settings_json(run),
            f"{stem}_settings.json",
            "application/json",
            "All settings and how the data were split.",
        ),
    ]


def _downloads(run: RunRecord, record: DatasetRecord, found: Results) -> None:
    st.header("Take it away", anchor="downloads")
    with st.container(horizontal=True):
        for offer in offers(run, record.note, found):
            st.download_button(
                offer.label,
                offer.make,
                file_name=offer.file_name,
                mime=offer.mime,
                help=offer.help,
                key=f"results_get_{offer.mime}",
                on_click="ignore",
            )
    st.caption(
        "The model and the predictions hold the users' ids and ratings; the report shows a few of them as examples."
    )
