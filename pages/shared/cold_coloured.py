"""A text word by word in the browser, each word in the colour of what it does to the rating.

The server sends the text in pieces as data; the browser makes text of them and never markup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from convmf.palette import ACCENT, RED
from pages.shared import frame

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import TextReading, WordWeight

MAX_COLOURED = 1_200
"""Words that are shown in colour: a text of some pages, which a browser redraws at every key without delay."""

_HTML = """
<div class="legend" aria-hidden="true">
  <span><i class="up">word</i> raises the rating</span>
  <span><i class="down">word</i> lowers it</span>
  <span><i class="unknown">word</i> not read by the model</span>
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


def show(text: str, spoken: list[WordWeight], selected: tuple[int, int] | None, on_pick: Callable[[], None]) -> None:
    """A text whose words can be picked; what is picked stands in the session as ``cold_coloured``."""
    _coloured(
        key="cold_coloured",
        data={
            "pieces": pieces(text, spoken[:MAX_COLOURED], _strongest(spoken)),
            "selected": selected[0] if selected else None,
            "pickable": True,
            "label": "The text, word by word. Arrow keys move, Enter selects.",
        },
        on_picked_change=on_pick,
    )


def show_pair(first: tuple[str, TextReading], second: tuple[str, TextReading]) -> None:
    """Two texts side by side, coloured on one scale so that equal colours are equal effects."""
    texts = [(text, spoken_words(result)[:MAX_COLOURED]) for text, result in (first, second)]
    strongest = max(_strongest(spoken) for _, spoken in texts)
    with frame.row("texts", gap="medium"):
        for name, (text, spoken) in zip(("First", "Second"), texts, strict=True):
            with st.container(width=frame.CARD_WIDTH):
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


def spoken_words(result: TextReading) -> list[WordWeight]:
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
            piece |= {"kind": "unknown", "says": "the model doesn't read this word"}
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
