"""A catalogue that attacks whoever looks at it: on every page its texts stay texts.

Watched are requests to any host but the server itself, dialogs, new windows, errors in the console, a variable that
scripts of the catalogue would set, and what stands in the page: links and pictures that lead elsewhere, handlers, and
words that Markdown has taken out of their signs.
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Dialog, FilePayload, Page, expect

from convmf.data.dataset import Dataset
from convmf.data.splits import SplitSettings
from convmf.evaluation.results import Results
from convmf.model.convmf import ConvMF
from convmf.runs.jobs import Jobs
from convmf.runs.store import MAX_LABEL_LENGTH, Store
from pages.shared.frame import MENU
from tests.e2e.browser import AppServer, Watcher, wait_for_app, wait_until_drawn
from tests.e2e.test_catalogue import AT_ITEM
from tests.helpers import TINY
from tests.hostile_text import MARKUP, PLACES, TWICE, hostile_block, hostile_dataset, hostile_texts

STRANGERS = """(own) => {
    const found = [], links = ["src", "srcset", "href", "xlink:href", "action", "formaction", "poster", "data"];
    const walk = (root) => {
        for (const element of root.querySelectorAll("*")) {
            for (const { name, value } of element.attributes) {
                if (name.startsWith("on")) found.push(element.outerHTML);
                if (!links.includes(name) || !URL.canParse(value, location.href)) continue;
                const url = new URL(value, location.href), here = url.protocol === location.protocol;
                if ((here && url.origin === location.origin) || ["data:", "blob:"].includes(url.protocol)) continue;
                if (!own.includes(url.host)) found.push(element.outerHTML);
            }
            if (element.shadowRoot) walk(element.shadowRoot);
        }
    };
    walk(document);
    if (window.hostile) found.push("a script ran");
    return found;
}"""
OWN_HOSTS = ["files.grouplens.org"]
"""Of the pages' own links."""
LONE_WORD = re.compile(r"^\s*zz\w+\s*$")


@dataclass(frozen=True)
class Hostile:
    """The app on a hostile catalogue: ids of two runs with models, a failed one, the data set.

    ``asked`` are the paths that were asked of ``trap``.
    """

    server: AppServer
    trap: str
    asked: list[str]
    run: str
    other: str
    failed: str
    dataset: str
    data: Dataset


@pytest.fixture(scope="module")
def trap() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that nobody should call, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, trap: tuple[str, list[str]]) -> Iterator[Hostile]:
    """The app, two trainings later."""
    folder = tmp_path_factory.mktemp("hostile")
    texts, data = hostile_texts(trap[0]), hostile_dataset(trap[0])
    store = Store(folder / "workspace")
    jobs = Jobs(store)
    kept = store.add_dataset(data, note=f"Read from {' and '.join(texts)}; no row left out.")
    store.add_dataset(hostile_dataset("http://example.org"), note=texts[1])
    runs = []
    for name, tag in ((texts[MARKUP], "<img src=x onerror=hostile=1>"), (texts[PLACES], "![zz](//example.org/t)")):
        run = jobs.start(kept.id, TINY, SplitSettings(cold_items=0.2, seed=len(runs)), name=name[:MAX_LABEL_LENGTH])
        until = time.monotonic() + 60
        while store.run(run.id).is_active:
            assert time.monotonic() < until
            time.sleep(0.05)
        store.update_run(run.id, tags=[tag, "$zz$ **zzstrong**"])
        runs.append(run.id)
    jobs.close()
    failed = store.create_run(kept.id, TINY, SplitSettings(), name=texts[0][:MAX_LABEL_LENGTH])
    store.set_state(failed.id, "running")
    store.set_state(failed.id, "failed", hostile_block(trap[0]))
    store.close()
    with AppServer(folder / "workspace", folder / "server.log") as server:
        yield Hostile(server, *trap, *runs, failed.id, kept.id, data)


class Guard:
    """A browser session in which everything is written down that a catalogue may not do."""

    def __init__(self, browser: Browser, hostile: Hostile) -> None:
        self._hostile, self.events = hostile, list[str]()
        self.context = browser.new_context(viewport={"width": 1440, "height": 3000})
        self.context.on("request", lambda request: self._note_request(request.url))
        self.context.on("dialog", self._note_dialog)
        self.page: Page = self.context.new_page()
        self.context.on("page", lambda page: self.events.append(f"new window: {page.url}"))
        self.watcher = Watcher(self.page)

    def _note_request(self, url: str) -> None:
        own = self._hostile.server.url
        if not url.startswith((f"{own}/", f"blob:{own}/", "data:", "file:")):
            self.events.append(f"request: {url}")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.events.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str, *query: tuple[str, str]) -> Page:
        """Look at a page of the app until it is drawn."""
        self.page.goto(f"{self._hostile.server.url}/{path}?{urlencode(query, quote_via=quote)}")
        self.page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for(timeout=60_000)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until all is drawn."""
        wait_for_app(self.page, 60_000)
        wait_until_drawn(self.page)

    def check(self) -> None:
        """Fail if one of the texts became more than text."""
        assert self.page.evaluate(STRANGERS, OWN_HOSTS) == []
        markdown = self.page.get_by_test_id("stMarkdownContainer")
        assert markdown.get_by_text(LONE_WORD).all_text_contents() == []
        assert self.page.locator(".katex").filter(has_text="zz").count() == 0
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.events == [] and self._hostile.asked == []
        assert self.watcher.errors == []
        assert not self._hostile.server.crashed()


@pytest.fixture
def guard(browser: Browser, hostile: Hostile) -> Iterator[Guard]:
    """A session on the hostile catalogue, looked at once more in the end."""
    expect.set_options(timeout=30_000)
    guard = Guard(browser, hostile)
    yield guard
    guard.check()
    guard.context.close()


def looks(hostile: Hostile) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every page by its address, in the states in which it shows texts of the catalogue's.

    Parts of the addresses name what isn't there, in hostile words, too.
    """
    block, run, gone = hostile_block(hostile.trap), ("run", hostile.run), hostile_texts(hostile.trap)
    item, user = ("item", hostile.data.item_ids[3]), ("user", hostile.data.user_ids[2])
    errors = ("section", "errors")
    text, compare = ("text", block[:1500]), ("compare", f"{hostile.run},{hostile.other}")
    return [
        ("", [("run", gone[0])]),
        ("data", [("dataset", hostile.dataset), ("view", gone[0])]),
        ("data", [("dataset", hostile.dataset), ("view", "texts"), ("texts", "longest")]),
        ("data", [("dataset", gone[1]), ("view", "texts"), ("texts", "missing")]),
        ("data", [("view", "words"), ("words", gone[2]), ("word", "zz")]),
        ("data", [("view", "words"), ("words", gone[2])]),
        ("data", [("view", "beside"), ("compare", gone[3])]),
        ("train", [run]),
        ("train", [("run", hostile.failed)]),
        ("train", [("dataset", gone[2]), ("preset", gone[0])]),
        ("results", [run, ("view", gone[4]), ("section", gone[3])]),
        ("results", [run, ("section", "training")]),
        ("results", [run, ("section", "files")]),
        ("results", [run, errors, ("part", gone[3])]),
        (
            "results",
            [
                run,
                ("section", "errors"),
                ("part", "cold"),
                ("by", "user"),
                ("user", gone[3]),
                ("item", gone[1]),
                ("row", gone[0]),
            ],
        ),
        ("results", [("view", "all"), compare, ("settings", "on"), ("tag", gone[0]), ("dataset", gone[2])]),
        ("results", [("view", "all"), ("compare", hostile.run), ("state", gone[1])]),
        ("cold_start", [run, text, ("view", "people")]),
        ("cold_start", [run, text, ("view", "rated"), ("by", f"4:{hostile.data.user_ids[4]}"), ("by", gone[2])]),
        ("cold_start", [("run", gone[4]), text, ("view", "compare"), ("text2", block[200:1000])]),
        ("recommend", [run, user, ("item", gone[0])]),
        ("recommend", [run, ("who", "new"), ("rate", f"4:{hostile.data.item_ids[4]}"), ("rate", gone[2])]),
        ("explore", [run, item, ("colour", "count"), ("by", gone[2])]),
        ("explore", [run, ("view", "kernels"), ("word", "zz"), ("kernel", gone[0])]),
    ]


@pytest.mark.browser
def test_it_stays_text_on_every_page(guard: Guard, hostile: Hostile) -> None:
    seen = set()
    for path, query in looks(hostile):
        page = guard.open(path, *query)
        seen.add(f"pages/{path}.py" if path else "app.py")
        expect(page.get_by_test_id("stMain")).to_contain_text("zz")  # what the page shows of the catalogue
        guard.check()
    assert seen == {path for path, _ in MENU}


@pytest.mark.browser
def test_it_stays_text_in_charts_lists_and_hints(guard: Guard, hostile: Hostile) -> None:
    texts = hostile_texts(hostile.trap)
    page = guard.open("explore", ("run", hostile.run), ("item", hostile.data.item_ids[0]))
    chart = page.locator(".js-plotly-plot")
    chart.locator(".points .point").first.wait_for()
    page.wait_for_timeout(500)  # and have come to rest
    for place in (MARKUP, TWICE, PLACES):
        page.mouse.move(*chart.evaluate(f"(chart) => ({AT_ITEM})([chart, {json.dumps(hostile.data.item_ids[place])}])"))
        expect(page.locator(".hovertext")).to_contain_text(texts[place][:30])
        guard.check()
    page.get_by_role("combobox", name=re.compile("^Item|Item$")).first.click()
    expect(page.get_by_role("option").first).to_be_visible()
    guard.check()

    curves = guard.open("results", ("run", hostile.other), ("section", "training")).get_by_test_id("stPlotlyChart").last
    expect(curves.locator(".legendtext").first).to_contain_text(texts[PLACES][:30])
    curves.locator(".scatterlayer .point").last.hover(force=True)
    expect(curves.locator(".hoverlayer")).to_contain_text(texts[PLACES][:30])
    for name in ("Rename", "Tags", "Delete"):
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_test_id("stPopoverBody").wait_for()
        guard.check()
        page.keyboard.press("Escape")

    guard.open("recommend", ("run", hostile.run), ("who", "new"), ("rate", f"4:{hostile.data.item_ids[TWICE]}"))
    hint = page.get_by_test_id("stMain").get_by_test_id("stMarkdown").get_by_test_id("stTooltipIcon").first
    hint.get_by_test_id("stTooltipHoverTarget").hover()
    expect(page.get_by_test_id("stTooltipContent")).to_contain_text("zz")
    guard.check()
    page.get_by_test_id("stVegaLiteChart").last.locator("svg path[aria-label*=step]").first.hover(force=True)
    expect(page.locator("#vg-tooltip-element")).to_contain_text(texts[TWICE][:30])


@pytest.mark.browser
def test_a_typed_text_and_uploaded_files_stay_text(guard: Guard, hostile: Hostile) -> None:
    block, texts = hostile_block(hostile.trap), hostile_texts(hostile.trap)
    page = guard.open("cold_start", ("run", hostile.run), ("text", block[:1500]), ("view", "words"))
    page.get_by_role("button", name=re.compile("^night")).or_(
        page.get_by_role("button", name=re.compile("^zz"))
    ).first.click()
    expect(page.get_by_text("were tried in the place of")).to_be_visible()
    guard.check()

    columns = ["id", *texts[:3]]
    table = io.StringIO()
    csv.writer(table).writerows([["id", "title", "description"], *([text, text, block] for text in texts)])
    guard.open("cold_start", ("run", hostile.run), ("view", "file"))
    page.locator("input[type=file]").set_input_files(_file(texts[MARKUP], table.getvalue()))
    expect(page.get_by_role("button", name="Download the predictions (CSV)")).to_be_visible()
    guard.settle()
    guard.check()

    ratings = "".join(f'"{text.replace(chr(34), "")}","{text.replace(chr(34), "")}",{text[:20]}\n' for text in texts)
    guard.open("data")
    page.get_by_text("Add data", exact=True).click()
    upload = page.get_by_test_id("stFileUploader").filter(has_text="Ratings file").locator("input[type=file]")
    upload.set_input_files(_file(texts[0], f"{','.join(columns)}\nann,film,4\n{ratings}"))
    expect(page.get_by_text("The first rows, as they stand in the file")).to_be_visible()
    guard.settle()


def _file(name: str, content: str) -> FilePayload:
    return {"name": f"{name.replace('/', '')}.csv", "mimeType": "text/csv", "buffer": content.encode()}


@pytest.mark.browser
def test_the_report_opened_from_the_disk_stays_text(guard: Guard, hostile: Hostile, tmp_path: Path) -> None:
    store = Store(hostile.server.home, read_only=True)
    run = store.run(hostile.other)
    assert run.report is not None
    results = Results.measure(ConvMF.load(store.model_folder(run.id)), hostile.data, run.report, {})
    path = tmp_path / "report.html"
    path.write_text(results.client_report(run.name, hostile_block(hostile.trap)).to_html(), encoding="utf-8")
    store.close()
    guard.page.goto(path.as_uri())
    expect(guard.page.get_by_role("heading", level=1)).to_contain_text("%{customdata[0]}")
    expect(guard.page.locator(".plot").last.locator(".legendtext").first).to_contain_text("%{customdata[0]}")
    expect(guard.page.locator("body")).to_contain_text(hostile_texts(hostile.trap)[MARKUP])
