"""Overview: what this is, what is in the workspace, and what to do next."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared import frame

frame.page(
    "Overview",
    "ConvMF learns from what people rated and from what is written about each item, both at once. So it can tell "
    "how something new would be received, before anybody has rated it.",
)
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
from convmf.errors import ConvMFError
from convmf.evaluation.comparison import Row, best_simple, comparison
from convmf.labels import lower_first
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import data_view, metrics, run_result, run_words, workspace

PICTURE = Path(__file__).parent / "assets" / "how_it_works.svg"
PICTURE_ALT = (
    "How ConvMF works, in five boxes. Ratings lead to profiles, numbers for each person and each film. Descriptions "
    "lead to a text reader, a network that learns to tell a film's profile from its text. The two profiles together "
    "give the expected rating; for a new film, which nobody has rated, its description is enough."
)
PICTURE_WIDTH, LEGEND_WIDTH = 530, 320
LEGEND = """
1. Who gave which rating. A **new** film has none, so ratings alone can't say anything about it.
2. What is written about each film, the new one too.
3. From the ratings every person and every film gets a profile: numbers that tell tastes apart.
4. The text reader learns which words go with which profile. Both are learned by turns, and each corrects the other.
5. A person's profile and a film's profile give the rating. The new film's profile is read from its description.
"""
ANY_ITEMS = "Films are an example: books, games, dishes or goods will do, if they are rated and described."
REFRESH_SECONDS = 2.0
MAX_LISTED = 6


def main() -> None:
    records, runs = workspace.store().listing()
    _next_step(records, runs)
    _picture()
    if records:
        st.header("In the workspace", anchor=False)
        _latest_figures(records, runs)
        _datasets(records)
        _runs_live(any(run.is_active for run in runs))


def _picture() -> None:
    """What the model does, in a picture and in words; narrow windows have the words below it."""
    st.header("How it works", anchor=False)
    with frame.row("picture", gap="medium"):
        with st.container(width=PICTURE_WIDTH):
            st.image(str(PICTURE), width="stretch", alt=PICTURE_ALT)
        with st.container(width=LEGEND_WIDTH):
            st.markdown(LEGEND)
            st.caption(ANY_ITEMS)


def _next_step(records: list[DatasetRecord], runs: list[RunRecord]) -> None:
    with st.container(border=True):
        if workspace.read_only() and not any(run.report or run.is_active for run in runs):
            st.markdown("Nothing has been trained in this workspace yet, so there is nothing to predict with.")
            frame.read_only_note("data can't be added here, and no training started.")
        elif not records:
            _first_step()
        elif (run := next((run for run in runs if run.is_trained), None)) is None:
            _step_to_train(records, runs)
        else:
            has_texts = next(record for record in records if record.id == run.dataset_id).n_items_with_text > 0
            read = has_texts and run_words.reads_texts(run)
            told = "Describe something new and see who would like it." if read else "See what people would like next."
            st.markdown(f"**Next:** **{frame.plain(run.name)}** is trained. {told}")
            with st.container(horizontal=True, vertical_alignment="center"):
                label = "Try a new description" if read else "See recommendations"
                if st.button(label, type="primary", key=f"try_{run.id}"):
                    page = "pages/cold_start.py" if read else "pages/recommend.py"
                    st.switch_page(page, query_params={"run": run.id})
                st.page_link("pages/results.py", label="or see how good it is →", query_params={"run": run.id})


def _first_step() -> None:
    st.markdown(f"**Next:** load the built-in data, {data_view.sample_text()}. It takes a second.")
    st.caption(
        "Then a model learns from them, in a minute or two, and you describe a film of your own and see who would "
        "like it."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Load the built-in data", type="primary"):
            try:
                with st.spinner("Loading the built-in data …"):
                    workspace.add_sample()
            except ConvMFError as error:
                st.error(frame.plain(str(error)))
            else:
                st.rerun()
        st.page_link("pages/data.py", label="or upload your own files →")


def _step_to_train(records: list[DatasetRecord], runs: list[RunRecord]) -> None:
    active = next((run for run in runs if run.is_active), None)
    if active is not None:
        st.markdown(f"**Next:** watch **{frame.plain(active.name)}** learn. Its curves move while it is training.")
        if st.button("Watch the training", type="primary"):
            st.switch_page("pages/train.py", query_params={"run": active.id})
        return
    st.markdown(f"**Next:** train a model on **{frame.plain(records[0].name)}**. You can watch it learn, and stop it.")
    if st.button("Train a model", type="primary", key=f"train_on_{records[0].id}"):
        st.switch_page("pages/train.py", query_params={"dataset": records[0].id})


def _latest_figures(records: list[DatasetRecord], runs: list[RunRecord]) -> None:
    """The errors of the newest trained run, beside what a simple rule reaches."""
    run = next((run for run in runs if run.is_trained), None)
    if run is None or run.report is None:
        return
    record = next(record for record in records if record.id == run.dataset_id)
    st.subheader("Latest figures", anchor=False)
    st.caption(
        f"{frame.plain(run.name)} on {frame.plain(record.name)}{_invented(record)}. RMSE: the typical distance between "
        "predicted and real rating, in rating points; lower is better."
    )
    st.markdown(frame.plain(run_result.insight(run.report)))
    shown = (
        ("test", "RMSE, known items", "Error on ratings of known items, kept aside until the end."),
        (
            "cold",
            "RMSE, new items",
            "Error on items without any rating, "
            + ("by their description alone." if run_words.reads_texts(run) else "of which the model knows nothing."),
        ),
    )
    with st.container(horizontal=True):
        for part, label, explanation in shown:
            _figure(label, comparison(run.report, part), explanation)
    if data_view.is_sample(record):
        st.caption(data_view.floor_text())


def _figure(label: str, rows: list[Row], explanation: str) -> None:
    """The model's error on one part, beside that of the best simple rule; in grey where the lead could be chance."""
    model, simple = next(row.rmse for row in rows if row.is_model), best_simple(rows)
    if model is None:
        return
    delta: dict[str, str] = {}
    if simple is not None and simple.rmse is not None:
        by_chance = simple.gain is not None and not simple.gain.sign
        words, good = f"against {lower_first(simple.label)}", 0 if by_chance else -1
        delta = metrics.against(model.value, simple.rmse.value, words, digits=3, good=good)
        explanation += f" {simple.label}: {lower_first(simple.meaning)} In grey: that lead could be chance."
    st.metric(
        label,
        f"{model.value:.3f}",
        **delta,
        help=explanation,
        border=True,
        width=300,
    )


def _datasets(records: list[DatasetRecord]) -> None:
    st.subheader("Data sets", anchor=False)
    for record in records[:MAX_LISTED]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.page_link("pages/data.py", label=f"**{frame.plain(record.name)}**", query_params={"dataset": record.id})
            if data_view.is_sample(record):
                st.badge("Invented data", color="orange", help=f"{record.note} {data_view.floor_text()}")
            st.caption(
                f"{record.n_users:,} users · {record.n_items:,} items, {record.n_items_with_text:,} with text · "
                f"{record.n_ratings:,} ratings"
            )
    if len(records) > MAX_LISTED:
        st.page_link("pages/data.py", label=f"All {len(records)} data sets →")


def _runs_live(is_active: bool) -> None:
    """The runs, looked at again while one of them is at work."""
    st.subheader("Runs", anchor=False)
    st.fragment(_runs, run_every=REFRESH_SECONDS if is_active else None)(is_active)


def _runs(was_active: bool) -> None:
    datasets, runs = workspace.store().listing()
    if was_active and not any(run.is_active for run in runs):
        st.rerun()  # the next step and the latest figures follow
    if not runs:
        frame.empty_state("No model is trained yet.", "pages/train.py", "Train a model")
        return
    names = {record.id: record.name for record in datasets}
    for run in runs[:MAX_LISTED]:
        _run_line(run, names[run.dataset_id])
    if len(runs) > MAX_LISTED:
        st.page_link("pages/train.py", label=f"All {len(runs)} runs →")


def _run_line(run: RunRecord, dataset_name: str) -> None:
    """One run: a link to it, its state, and how far it is or what it came to."""
    word, color = run_words.STATES[run.state]
    facts = [frame.plain(dataset_name)]
    if run.is_active:
        facts.append(f"{run.iterations_done} of at most {run.n_iterations} iterations")
    else:
        facts.append(f"{run.iterations_done} iterations")
        rmse = (run.report or {}).get("rmse", {})
        shown = (("known", rmse.get("test")), ("new", rmse.get("cold")))
        facts += [f"RMSE on {kind} items {value:.3f}" for kind, value in shown if value is not None]
    if run.state == "failed":
        facts.append(frame.plain(run.reason))
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.page_link("pages/train.py", label=f"**{frame.plain(run.name)}**", query_params={"run": run.id})
        st.badge(word, color=color)
        st.caption(" · ".join(facts))


def _invented(record: DatasetRecord) -> str:
    return " (invented data)" if data_view.is_sample(record) else ""


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
