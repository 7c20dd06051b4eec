"""A text field that tells the server what is in it while it is typed in.

Streamlit's own text area speaks up only when one leaves it. This one sends its text a moment after the last key, and
never loses a letter to an answer that comes late: what the server sends back is written into the field only where the
server itself has set the text anew (an example, a link), which a number of its own tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.shared import address

DELAY_MS = 120
SETTLED_MS = 1500
LEAVING_MS = 3000
MAX_TEXT = 100_000
"""Characters of a text: some 15,000 words, far more than any model reads."""
MAX_IN_ADDRESS = 1500
"""Characters of a text that stands in the page's address: browsers and mail programs cut longer links."""

_HTML = """
<div class="field">
  <label for="text"></label>
  <textarea id="text" spellcheck="false" aria-describedby="hint"></textarea>
  <div id="hint" class="hint"></div>
</div>
"""

_CSS = """
.field { display: flex; flex-direction: column; gap: 0.25rem; font-family: var(--st-font); }
label { font-size: 0.875rem; color: var(--st-text-color); }
textarea {
  box-sizing: border-box; width: 100%; min-height: 5rem; resize: vertical; padding: 0.75rem;
  font: inherit; font-size: 1rem; line-height: 1.5; color: var(--st-text-color);
  background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
textarea:focus { outline: 2px solid var(--st-primary-color); outline-offset: 0; }
textarea::placeholder { color: var(--st-text-color); opacity: 0.6; }
.hint { font-size: 0.8rem; color: var(--st-text-color); opacity: 0.75; text-align: right; }
"""

_JS = """
const words = (text) => (text.trim() ? text.trim().split(/\\s+/).length : 0);

export default function ({ parentElement, data, setStateValue }) {
  const field = parentElement.querySelector("textarea");
  const hint = parentElement.querySelector(".hint");
  // The latest call has the latest data; the listeners, set once, look here.
  const state = (field.state ??= { version: null, quick: 0, slow: 0, sent: null, settled: true });
  state.setStateValue = setStateValue;
  state.data = data;
  parentElement.querySelector("label").textContent = data.label;
  field.placeholder = data.placeholder;
  field.maxLength = data.maxLength;
  field.style.height ||= data.height + "px";

  const count = () => {
    const n = words(field.value);
    hint.textContent = n.toLocaleString("en") + (n === 1 ? " word" : " words") + " · read while you type";
  };
  if (state.version !== data.version) {  // only a text that the server set anew replaces what is typed
    clearTimeout(state.quick);
    clearTimeout(state.slow);
    state.version = data.version;
    state.sent = data.text;
    state.settled = true;
    if (field.value !== data.text) field.value = data.text;
  }
  count();
  if (state.listening) return;
  state.listening = true;

  // A link that is being followed takes the page away; a late word about its text would empty the next page.
  let leaving = -Infinity;
  const notice = (event) => {
    const follows = event.type === "pointerdown" || event.key === "Enter";
    if (follows && event.composedPath().some((node) => node.tagName === "A")) leaving = performance.now();
  };
  document.addEventListener("pointerdown", notice, true);
  document.addEventListener("keydown", notice, true);

  const send = (settled) => {
    clearTimeout(state.quick);
    if (settled) clearTimeout(state.slow);
    if (performance.now() - leaving < state.data.leavingFor) return;
    if (field.value === state.sent && (state.settled || !settled)) return;
    state.sent = field.value;
    state.settled = settled;
    state.setStateValue("typed", { text: field.value, version: state.version, settled });
  };
  field.addEventListener("input", () => {
    count();
    clearTimeout(state.quick);
    clearTimeout(state.slow);
    state.settled = false;
    state.quick = setTimeout(() => send(false), state.data.delay);
    state.slow = setTimeout(() => send(true), state.data.settledAfter);
  });
  field.addEventListener("blur", () => send(true));
  return () => {
    clearTimeout(state.quick);
    clearTimeout(state.slow);
    document.removeEventListener("pointerdown", notice, true);
    document.removeEventListener("keydown", notice, true);
  };
}
"""

_field = st.components.v2.component("convmf_live_text", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True)
class LiveText:
    """One live text of the page; ``name`` is its key in the address, and of what the session keeps of it."""

    name: str

    @property
    def text(self) -> str:
        """What is in the field; "" before it was set."""
        return str(st.session_state.get(self._key("text"), ""))

    def begin(self, default: str) -> None:
        """On the first look take the text from the address, else ``default``; later only a new address' text.

        Call it in a run of the whole page: while somebody types, the address may be behind.
        """
        asked = st.query_params.get(self.name)
        own: set[str] = st.session_state.setdefault(self._key("own"), set())
        if asked is not None and asked not in own:
            own.add(asked)
            self.set(asked[:MAX_TEXT])
        elif self._key("text") not in st.session_state:
            self.set(default)

    def set(self, text: str) -> None:
        """Put ``text`` into the field, whatever is typed there."""
        st.session_state[self._key("text")] = text
        st.session_state[self._key("version")] = self._version + 1
        st.session_state[self._key("settled")] = True

    def draw(self, label: str, *, placeholder: str, height: int = 150) -> str:
        """Show the field; what is in it."""
        _field(
            key=self._key("field"),
            data={
                "label": label,
                "placeholder": placeholder,
                "text": self.text,
                "version": self._version,
                "maxLength": MAX_TEXT,
                "height": height,
                "delay": DELAY_MS,
                "settledAfter": SETTLED_MS,
                "leavingFor": LEAVING_MS,
            },
            on_typed_change=self._take,
        )
        self._remember()
        return self.text

    def take(self, typed: Any) -> None:
        """What the browser says is in the field; of a text that the server has replaced since, nothing is taken."""
        if not isinstance(typed, dict) or typed.get("version") != self._version:
            return
        text = typed.get("text")
        if isinstance(text, str):
            st.session_state[self._key("text")] = text[:MAX_TEXT]
            st.session_state[self._key("settled")] = bool(typed.get("settled"))

    def _take(self) -> None:
        state = st.session_state.get(self._key("field")) or {}
        self.take(state.get("typed"))

    def _remember(self) -> None:
        """Give the text to the address once nobody types any more: each change is a step in the browser's history."""
        if not st.session_state.get(self._key("settled")):
            return
        text = self.text if len(self.text) <= MAX_IN_ADDRESS else ""
        if text:
            st.session_state.setdefault(self._key("own"), set()).add(text)
        address.remember(self.name, text)
        if len(self.text) > MAX_IN_ADDRESS:
            st.caption(
                f"This text has more than {MAX_IN_ADDRESS:,} characters, so the address of the page doesn't hold it: a "
                "copied link opens the page without it."
            )

    @property
    def _version(self) -> int:
        return int(st.session_state.get(self._key("version"), 0))

    def _key(self, what: str) -> str:
        return f"cold_{self.name}_{what}"


TEXT, SECOND = LiveText("text"), LiveText("text2")
"""The description that the page is about, and the one that it is compared with."""
