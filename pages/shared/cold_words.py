"""The text coloured by what each word does to the rating, and what another word in its place would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from convmf.labels import signed
from pages.shared import charts, cold_answer, cold_charts, cold_coloured, frame
from pages.shared.cold_input import TEXT
from pages.shared.cold_state import Subject, replacements
from pages.shared.distinct import distinct

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import TextReading, WordWeight

SHOWN_WORDS = 150
N_SUBSTITUTES = 10
CHANGE_HELP = "Rating points for the average user, before ratings are cut to the scale."
RATING_HELP = "The average user's rating; cutting each user's to the scale may change it a little."


def show(subject: Subject, text: str, result: TextReading) -> None:
    """Colours, phrases, the words it passes over, and what others would do."""
    if not result.known_words and not result.unknown_words:
        st.caption("There is no word to colour yet. Type a description above.")
        return
    spoken = cold_coloured.spoken_words(result)
    selected = _selected(text)
    st.caption(
        "What each word does to the average user's rating, in this text. Point at a word for its figure; click it, or "
        "move to it with the arrow keys and press Enter, to see what other words would do in its place."
    )
    cold_coloured.show(text, spoken, selected, _pick)
    if len(spoken) > cold_coloured.MAX_COLOURED:
        st.caption(f"The first {cold_coloured.MAX_COLOURED:,} of {len(spoken):,} words are shown.")
    _replace(subject, text, spoken[: cold_coloured.MAX_COLOURED], selected)
    _phrases(result)
    _known_and_unknown(result)


# Another word in its place ------------------------------------------------------------------------


def _selected(text: str) -> tuple[int, int] | None:
    """The stretch that is selected, as long as the text is still the one in which it was."""
    kept = st.session_state.get("cold_picked")
    return kept[1] if kept and kept[0] == text else None


def _pick() -> None:
    take_pick((st.session_state.get("cold_coloured") or {}).get("picked"))


def take_pick(picked: Any) -> None:
    """Select the word that the browser names, if there is such a stretch."""
    text = TEXT.text
    if not isinstance(picked, dict):
        return
    start, end = picked.get("start"), picked.get("end")
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
        _select(text, (start, end))


def _select(text: str, stretch: tuple[int, int] | None) -> None:
    st.session_state["cold_picked"] = (text, stretch)
    st.session_state["cold_replace"] = stretch


def _choose() -> None:
    st.session_state["cold_picked"] = (TEXT.text, st.session_state["cold_replace"])


def _replace(subject: Subject, text: str, spoken: list[WordWeight], selected: tuple[int, int] | None) -> None:
    st.header("What if another word stood there?", anchor=False)
    stretches = {(word.start, word.end): word for word in spoken}
    if st.session_state.get("cold_replace") not in stretches or selected is None:
        st.session_state["cold_replace"] = selected if selected in stretches else None
    labels = distinct({stretch: _named(text, stretch, stretches) for stretch in stretches})
    st.selectbox(
        "Word to replace",
        list(labels),
        index=None,
        format_func=lambda stretch: labels[stretch],
        key="cold_replace",
        on_change=_choose,
        placeholder="Click a word above, or choose one here",
        width=420,
    )
    if selected not in stretches:
        return
    found = replacements(subject.run_id, subject.ended, text, *selected)
    word = text[selected[0] : selected[1]]
    raising, lowering = found[:N_SUBSTITUTES], found[::-1][:N_SUBSTITUTES]
    left, right = st.columns(2)
    for column, title, words in (
        (left, "Would raise the rating most", raising),
        (right, "Would lower it most", lowering),
    ):
        with column:
            st.markdown(f"**{title}**")
            table = pd.DataFrame(
                {
                    "Word": [substitute.word for substitute in words],
                    "Change": [substitute.effect for substitute in words],
                    "Expected rating": [substitute.rating for substitute in words],
                }
            )
            st.dataframe(
                table,
                hide_index=True,
                width="stretch",
                column_config={
                    "Change": st.column_config.NumberColumn(format="%+.3f", help=CHANGE_HELP),
                    "Expected rating": st.column_config.NumberColumn(
                        format="%.2f",
                        help=RATING_HELP,
                    ),
                },
                alt=f"{title}: words in the place of the selected one, with the change in rating points",
            )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = [substitute.word for substitute in (*raising, *lowering)]
        chosen = st.selectbox("Put in its place", options, key="cold_substitute", width=260)
        st.button("Use this text", key="cold_use", on_click=_use, args=(text, selected, chosen))
    st.caption(
        f"All {len(found):,} words that the model knows were tried in the place of “{frame.plain(word)}”. The figures "
        "are what the model has learned, not what is good English."
    )


def _named(text: str, stretch: tuple[int, int], stretches: dict[tuple[int, int], WordWeight]) -> str:
    word = stretches[stretch]
    figure = signed(word.weight, 3) if word.known else "not read"
    return f"{text[stretch[0] : stretch[1]]} · {figure}"


def _use(text: str, stretch: tuple[int, int], word: str | None) -> None:
    if word:
        TEXT.set(text[: stretch[0]] + word + text[stretch[1] :])


# Phrases and words --------------------------------------------------------------------------------


def _phrases(result: TextReading) -> None:
    st.header("The phrases that count most", anchor=False)
    if not result.evidence:
        st.caption("There is no phrase in this description that the model can read.")
        return
    words = cold_charts.evidence_words(result.evidence)
    charts.draw(charts.evidence_chart(result.evidence), "cold_evidence", words)
    st.caption(
        "The phrases that the model picked out, and how many rating points each adds for the average user, or takes, "
        "compared with an empty description. No word counts twice; small effects are left out."
    )


def _known_and_unknown(result: TextReading) -> None:
    known, unknown = st.columns(2)
    with known:
        st.markdown(f"**Words it reads ({len(result.known_words):,})**", help="They stand in the texts learned from.")
        st.text(_word_list(result.known_words))
    with unknown:
        reasons = f"In the texts learned from they are {cold_answer.WHY_PASSED_OVER}."
        st.markdown(f"**Words it passes over ({len(result.unknown_words):,})**", help=reasons)
        st.text(_word_list(result.unknown_words))


def _word_list(words: tuple[str, ...]) -> str:
    if not words:
        return "None."
    rest = len(words) - SHOWN_WORDS
    return ", ".join(words[:SHOWN_WORDS]) + (f" … and {rest:,} more" if rest > 0 else "")
