"""Cold start: how an item that doesn't exist yet would be received, from its description alone."""

from __future__ import annotations

from itertools import islice

import streamlit as st

from pages.shared import frame

frame.page(
    "Cold start",
    "Describe something that nobody has rated yet, and see how the users would receive it, while you type.",
)
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
import numpy as np

from convmf.data.sample import EXAMPLE_DESCRIPTIONS, SAMPLE_NOTE
from convmf.errors import ConvMFError
from pages.shared import address, cold_answer, cold_batch, cold_compare, cold_rated, cold_words
from pages.shared.choose_run import choose_run, nothing_yet, usable_runs
from pages.shared.cold_input import SECOND, TEXT
from pages.shared.cold_state import Subject, reading
from pages.shared.workspace import store

N_EXAMPLES = 5
TEXT_WIDTH = 430
POPULAR = 100
EXAMPLE_WORDS = 200
WORDS, PEOPLE, COMPARE, RATED, MANY = "words", "people", "compare", "rated", "file"
VIEWS = {
    WORDS: "Which words count",
    PEOPLE: "Who would like it",
    COMPARE: "Against a second text",
    RATED: "With a few ratings",
    MANY: "Many at once",
}


def main() -> None:
    """The page below its heading."""
    usable = usable_runs(with_texts=True)
    if not usable:
        nothing_yet("rate new descriptions here")
        return
    subject = Subject.of(choose_run(usable, "cold_run"))
    data, scale = subject.data, subject.net.scale
    st.caption(
        f"Trained on {frame.plain(data.name)}: {data.n_users:,} users, ratings from {scale.lowest:g} to "
        f"{scale.highest:g}. " + frame.plain(store().dataset_record(subject.run.dataset_id).note)
    )
    examples = _examples(subject)
    TEXT.begin(examples[0][1] if examples else "")
    SECOND.begin("")
    _live(subject, examples)


def _examples(subject: Subject) -> list[tuple[str, str]]:
    """Name and text of some descriptions to begin with."""
    data = subject.data
    if store().dataset_record(subject.run.dataset_id).note == SAMPLE_NOTE:
        return list(EXAMPLE_DESCRIPTIONS)
    told = [row for row in np.argsort(-data.item_counts(), kind="stable").tolist() if data.texts[row].strip()]
    # One can judge best what one knows; among the popular items, those about which most is said.
    longest = sorted(told[:POPULAR], key=lambda row: -min(len(data.texts[row].split()), EXAMPLE_WORDS))
    # Of items that were held out, the one that most people know comes first: the page is about unseen ones.
    unseen = [row for row in told if subject.net.item_counts[row] == 0][:1]
    rows = dict.fromkeys([*unseen, *longest])
    return [(data.label(row), data.texts[row]) for row in islice(rows, N_EXAMPLES)]


@st.fragment
def _live(subject: Subject, examples: list[tuple[str, str]]) -> None:
    """All that follows the text: while somebody types, this alone runs again."""
    try:
        _read(subject, examples)
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
    address.write()


def _read(subject: Subject, examples: list[tuple[str, str]]) -> None:
    # Side by side where there is room, else one below the other.
    with st.container(horizontal=True, gap="medium"):
        text_side, answer_side = st.container(width=TEXT_WIDTH), st.container(width="stretch")
    with text_side:
        text = TEXT.draw(
            "Description of an item that nobody has rated",
            placeholder="What is it about? For whom? In what mood?",
            height=230,
        )
        if examples:
            learned = store().dataset_record(subject.run.dataset_id).note != SAMPLE_NOTE
            st.caption(
                "Or begin with the description of an item of this data; unless held out, the model learned from it:"
                if learned
                else "Or begin with an example:"
            )
            with st.container(horizontal=True, gap="small"):
                for number, (name, example) in enumerate(examples):
                    st.button(frame.plain(name), key=f"cold_example_{number}", on_click=TEXT.set, args=(example,))
    result = reading(subject.run_id, subject.ended, text)
    with answer_side:
        cold_answer.remarks(subject, text, result)
        cold_answer.figures(subject, result)
        cold_answer.distribution(subject, result)
    view = address.choice("See more", VIEWS, "view", WORDS, show_label=False)
    if view == WORDS:
        cold_words.show(subject, text, result)
    elif view == PEOPLE:
        cold_answer.people(subject, result)
        cold_answer.nearest(subject, result)
    elif view == COMPARE:
        cold_compare.show(subject, text)
    elif view == RATED:
        cold_rated.show(subject, text)
    else:
        cold_batch.show(subject)
    st.divider()
    st.caption(
        "The address of this page holds the model, the texts, the view and the ratings: copy it to come back to this, "
        "or to show it to somebody who uses this app."
    )


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
address.write()
