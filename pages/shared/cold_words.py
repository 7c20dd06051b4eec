"""The text coloured by what each word does to the rating, and what another word in its place would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from convmf.palette import ACCENT, RED
from pages.shared import charts, cold_charts, frame
from pages.shared.cold_input import TEXT
from pages.shared.cold_state import Subject, replacements

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import TextReading, WordWeight

SHOWN_WORDS = 150
MAX_COLOURED = 1_200
"""Words that are shown in colour: a text of some pages, which a browser redraws at every key without delay."""
N_SUBSTITUTES = 10
PAIR_WIDTH = 470

_HTML = """
<div class="legend" aria-hidden="true">
  <span><i class="up">word</i> raises the rating</span>
  <span><i class="down">word</i> lowers it</span>
  <span><i class="unknown">word</i> unknown to the model</span>
</div>
<div class="text" role="group"></div>
"""

_CSS = """
:host { color: var(--st-text-color); font-family: var(--st-font); }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; font-size: 0.85rem; margin-bottom: 0.5rem; }
.legend i { font-style: normal; padding: 0 0.25rem; margin-right: 0.2rem; }
.text {
  line-height: 2; font-size: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 26rem; overflow-y: auto;
  padding: 0.75rem; border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
.word { border-radius: 3px; padding: 0.1rem 0.15rem; }
.word[role="button"] { cursor: pointer; }
.word:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
[aria-pressed="true"] { outline: 2px solid var(--st-text-color); outline-offset: 1px; }
.up { border-bottom: 2px solid UP_SOLID; background: rgba(UP_RGB, var(--strength, 0.35)); }
.down { border-bottom: 2px dashed DOWN_SOLID; background: rgba(DOWN_RGB, var(--strength, 0.35)); }
.unknown { border-bottom: 2px dotted currentColor; opacity: 0.75; }
"""
for _name, _colour in (("UP", ACCENT), ("DOWN", RED)):
    _parts = ", ".join(str(int(_colour[place : place + 2], 16)) for place in (1, 3, 5))
    _CSS = _CSS.replace(f"{_name}_RGB", _parts).replace(f"{_name}_SOLID", _colour)

_JS = """
export default function ({ parentElement, data, setStateValue }) {
  const box = parentElement.querySelector(".text");
  box.setStateValue = setStateValue;
  box.pickable = data.pickable;
  box.setAttribute("aria-label", data.label);
  // A new answer while a word has the focus keeps it there.
  const focused = parentElement.activeElement?.dataset?.start;
  box.replaceChildren();
  for (const piece of data.pieces) {
    if (piece.kind === undefined) {
      box.append(document.createTextNode(piece.text));
      continue;
    }
    const word = document.createElement("span");
    word.textContent = piece.text;
    word.className = "word " + piece.kind;
    word.title = piece.says;
    word.tabIndex = -1;
    word.dataset.start = piece.start;
    word.dataset.end = piece.end;
    word.setAttribute("role", data.pickable ? "button" : "mark");
    word.setAttribute("aria-label", piece.text + ": " + piece.says);
    if (data.pickable) word.setAttribute("aria-pressed", String(piece.start === data.selected));
    if (piece.strength !== undefined) word.style.setProperty("--strength", piece.strength);
    box.append(word);
  }
  const all = () => [...box.querySelectorAll(".word")];
  const words = all();
  const at = words.find((word) => word.dataset.start === focused)
    ?? words.find((word) => word.getAttribute("aria-pressed") === "true") ?? words[0];
  if (at) at.tabIndex = 0;
  if (at && focused !== undefined && at.dataset.start === focused) at.focus();
  if (box.listening) return;
  box.listening = true;
  const select = (word) =>
    box.setStateValue("picked", { start: Number(word.dataset.start), end: Number(word.dataset.end) });
  const target = (event) => event.target.closest?.(".word");
  box.addEventListener("click", (event) => {
    const word = target(event);
    if (word && box.pickable) select(word);
  });
  box.addEventListener("keydown", (event) => {
    const word = target(event);
    if (!word) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const every = all();
      const next = every[every.indexOf(word) + step];
      if (next) {
        word.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    } else if (box.pickable && (event.key === "Enter" || event.key === " ")) {
      select(word);
    } else {
      return;
    }
    event.preventDefault();
  });
}
"""

_coloured = st.components.v2.component("convmf_coloured_text", html=_HTML, css=_CSS, js=_JS)


def show(subject: Subject, text: str, result: TextReading) -> None:
    """Colours, phrases, the words it doesn't know, and what others would do."""
    if not result.known_words and not result.unknown_words:
        st.caption("There is no word to colour yet. Type a description above.")
        return
    spoken = _spoken(result)
    selected = _selected(text)
    st.caption(
        "What each word does to the average user's rating, in this text. Point at a word for its figure; click it, or "
        "move to it with the arrow keys and press Enter, to see what other words would do in its place."
    )
    _coloured(
        key="cold_coloured",
        data={
            "pieces": pieces(text, spoken[:MAX_COLOURED], _strongest(spoken)),
            "selected": selected[0] if selected else None,
            "pickable": True,
            "label": "The text, word by word. Arrow keys move, Enter selects.",
        },
        on_picked_change=_pick,
    )
    if len(spoken) > MAX_COLOURED:
        st.caption(f"The first {MAX_COLOURED:,} of {len(spoken):,} words are shown.")
    _replace(subject, text, spoken[:MAX_COLOURED], selected)
    _phrases(result)
    _known_and_unknown(result)


def show_pair(first: tuple[str, TextReading], second: tuple[str, TextReading]) -> None:
    """Two texts side by side, coloured on one scale so that equal colours are equal effects."""
    texts = [(text, _spoken(result)[:MAX_COLOURED]) for text, result in (first, second)]
    strongest = max(_strongest(spoken) for _, spoken in texts)
    with st.container(horizontal=True, gap="medium"):
        for name, (text, spoken) in zip(("First", "Second"), texts, strict=True):
            with st.container(width=PAIR_WIDTH):
                st.markdown(f"**{name} text**")
                _coloured(
                    key=f"cold_coloured_{name}",
                    data={
                        "pieces": pieces(text, spoken, strongest),
                        "selected": None,
                        "pickable": False,
                        "label": f"{name} text, word by word. Arrow keys move.",
                    },
                )


def _spoken(result: TextReading) -> list[WordWeight]:
    """The words that are coloured or marked; stop words are passed over."""
    unknown = set(result.unknown_words)
    return [word for word in result.words if word.known or word.word in unknown]


def _strongest(spoken: list[WordWeight]) -> float:
    return max((abs(word.weight) for word in spoken), default=0.0)


def pieces(text: str, spoken: list[WordWeight], strongest: float) -> list[dict[str, Any]]:
    """The text in pieces for the browser: words with kind, figure and strength of colour, and what stands between.

    A word of the weight ``strongest``, in rating points, gets the full colour.
    """
    found: list[dict[str, Any]] = []
    end = 0
    for word in spoken:
        if word.start > end:
            found.append({"text": text[end : word.start]})
        piece: dict[str, Any] = {"text": text[word.start : word.end], "start": word.start, "end": word.end}
        if not word.known:
            piece |= {"kind": "unknown", "says": "the model doesn't know or read this word"}
        else:
            share = abs(word.weight) / strongest if strongest else 0.0
            verb = "raises" if word.weight >= 0 else "lowers"
            piece |= {
                "kind": "up" if word.weight >= 0 else "down",
                "says": f"{verb} the rating by {abs(word.weight):.3f} points",
                "strength": round(0.06 + 0.49 * share, 2),
            }
        found.append(piece)
        end = word.end
    rest = text[end:] if len(spoken) < MAX_COLOURED else " …"
    return [*found, {"text": rest}] if rest else found


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
    st.selectbox(
        "Word to replace",
        list(stretches),
        index=None,
        format_func=lambda stretch: _named(text, stretch, stretches),
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
                    "Change": st.column_config.NumberColumn(format="%+.3f", help="Rating points for the average user."),
                    "Expected rating": st.column_config.NumberColumn(format="%.2f"),
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
    figure = f"{word.weight:+.3f}" if word.known else "unknown"
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
        st.markdown(f"**Known words ({len(result.known_words):,})**", help="They stand in the texts learned from.")
        st.text(_word_list(result.known_words))
    with unknown:
        st.markdown(f"**Unknown words ({len(result.unknown_words):,})**", help="The model passes over them.")
        st.text(_word_list(result.unknown_words))


def _word_list(words: tuple[str, ...]) -> str:
    if not words:
        return "None."
    rest = len(words) - SHOWN_WORDS
    return ", ".join(words[:SHOWN_WORDS]) + (f" … and {rest:,} more" if rest > 0 else "")
