"""Many browser sessions that walk through the app at once, beside a training: how fast pages come, what goes wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Error, Page, async_playwright
from websockets.exceptions import WebSocketException

from convmf.runs.store import Store
from pages.shared.frame import MENU
from tests.e2e.browser import FLAGS, PROBE, AppServer
from tests.e2e.wire import WireSession

SWITCH = """([label, limit]) => new Promise((resolve, reject) => {
    const link = [...document.querySelectorAll("[data-testid=stSidebar] a")].find((a) => a.textContent === label);
    if (!link) return reject(new Error("There is no link to " + label));
    const began = performance.now();
    let titled = null;
    const look = () => {
        const now = performance.now() - began;
        if (titled === null && document.querySelector("[data-testid=stMain] h1")?.textContent === label) titled = now;
        const state = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
        if (titled !== null && state === "notRunning") resolve([titled / 1000, now / 1000]);
        else if (now > 1000 * limit) reject(new Error(label + " did not come within " + limit + " s"));
        else setTimeout(look, 20);
    };
    link.click();
    look();
})"""
"""Click a link of the menu; the seconds until the page's title is there, and until its script has run to the end."""
PROBLEMS = "[data-testid='stException'], [data-testid='stAlertContentError']"
ARRIVAL = 0.2
"""In this share of the time all have come, one after another: to begin with, a browser loads megabytes of script."""
LIMIT_SECONDS = 60.0
LOOK_SECONDS = 2.0
LOAD_SECONDS = 120.0


@dataclass(frozen=True)
class Plan:
    """What the sessions do.

    Attributes
    ----------
    think
        Shortest and longest pause between two clicks, in seconds.
    dataset_id, preset
        What is trained meanwhile, again and again.
    in_browsers
        Each session has a browser; else it only speaks the server's protocol.
    """

    n_sessions: int
    seconds: float
    think: tuple[float, float]
    dataset_id: str
    preset: str
    in_browsers: bool = True


@dataclass(frozen=True)
class Switch:
    """One click on the menu: seconds from it to the page's title, and to the end of the page's script.

    ``is_first``: the session hadn't seen the page before, so its browser had to load parts of it.
    """

    page: str
    is_first: bool
    titled: float
    drawn: float


@dataclass
class Walked:
    """What came of it."""

    switches: list[Switch] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    n_trainings: int = 0


def walk(server: AppServer, chromium: str, plan: Plan, each_minute: Callable[[int], None] | None = None) -> Walked:
    """Open the sessions, let them click, close them; ``each_minute`` is called with 0, 1, 2 … meanwhile."""
    return asyncio.run(_walk(server, chromium, plan, each_minute))


async def _walk(server: AppServer, chromium: str, plan: Plan, each_minute: Callable[[int], None] | None) -> Walked:
    walked = Walked()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        until = asyncio.get_running_loop().time() + plan.seconds
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep_training(browser, server, plan, until, walked))
            for number in range(plan.n_sessions):
                visit = (
                    _visit_in_browser(browser, server, walked) if plan.in_browsers else _visit_by_wire(server, walked)
                )
                tasks.create_task(_tour(visit, plan, number, until, walked))
            if each_minute is not None:
                tasks.create_task(_tick(until, each_minute))
        await browser.close()
    return walked


async def _tick(until: float, each_minute: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    minute, began = 0, loop.time()
    while (due := began + 60 * minute) <= until + 1:
        await asyncio.sleep(max(0.0, due - loop.time()))
        each_minute(minute)
        minute += 1


GoTo = Callable[[str], Awaitable[tuple[float, float]]]
"""Go to the page with this label; the seconds until its title is there, and until its script has run to the end."""


async def _tour(
    visit: AbstractAsyncContextManager[GoTo], plan: Plan, number: int, until: float, walked: Walked
) -> None:
    """One person: comes some time, then goes to each page in some order, and again and again until the time is over."""
    loop, chance = asyncio.get_running_loop(), random.Random(number)
    await asyncio.sleep(ARRIVAL * plan.seconds * number / plan.n_sessions)
    before, is_first = MENU[0][1], True
    try:
        async with visit as go_to:
            while is_first or loop.time() < until:
                tour = [label for _, label in MENU]
                chance.shuffle(tour)
                for label in (label for label in tour if label != before):
                    await asyncio.sleep(chance.uniform(*plan.think))
                    if not is_first and loop.time() >= until:
                        break
                    walked.switches.append(Switch(label, is_first, *await go_to(label)))
                    before = label
                is_first = False
    except (Error, OSError, WebSocketException, TimeoutError) as error:
        walked.errors.append(f"session {number}: {type(error).__name__} {error}")


@asynccontextmanager
async def _visit_in_browser(browser: Browser, server: AppServer, walked: Walked) -> AsyncIterator[GoTo]:
    page = await _new_page(browser, walked)
    await page.goto(server.url, timeout=1000 * LOAD_SECONDS)
    for shown in ("[data-testid=stMain] h1", "[data-testid=stSidebar] a >> nth=-1"):
        await page.locator(shown).wait_for(timeout=1000 * LOAD_SECONDS)

    async def go_to(label: str) -> tuple[float, float]:
        titled, drawn = await page.evaluate(SWITCH, [label, LIMIT_SECONDS])
        walked.errors += await page.locator(PROBLEMS).all_inner_texts()
        return titled, drawn

    yield go_to
    await page.context.close()


@asynccontextmanager
async def _visit_by_wire(server: AppServer, walked: Walked) -> AsyncIterator[GoTo]:
    async with WireSession(server.url, walked.errors) as session:
        await session.open(MENU[0][1], LOAD_SECONDS)
        yield lambda label: session.open(label, LIMIT_SECONDS)


async def _new_page(browser: Browser, walked: Walked) -> Page:
    """A session of its own that writes down what its console calls an error."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.on("pageerror", lambda error: walked.errors.append(str(error)))
    page.on("console", lambda message: _note(walked, message.type, message.text, message.location.get("url", "")))
    return page


def _note(walked: Walked, kind: str, text: str, url: str) -> None:
    if kind == "error" and not PROBE.search(url):
        walked.errors.append(f"{text} {url}")


async def _keep_training(browser: Browser, server: AppServer, plan: Plan, until: float, walked: Walked) -> None:
    """Start a training by the Train page, and another one whenever it has ended."""
    loop, store = asyncio.get_running_loop(), Store(Path(server.home), read_only=True)
    page = await _new_page(browser, walked)
    try:
        while loop.time() < until:
            if not store.active_runs():
                address = f"{server.url}/train?dataset={plan.dataset_id}&preset={plan.preset}"
                await page.goto(address, timeout=1000 * LOAD_SECONDS)
                button = page.get_by_role("button", name="Start training", exact=True)
                await button.click(timeout=1000 * LOAD_SECONDS)
                await page.locator("[data-testid=stMain] .stMarkdownBadge").wait_for(timeout=1000 * LOAD_SECONDS)
                walked.n_trainings += 1
            await asyncio.sleep(LOOK_SECONDS)
    except Error as error:
        walked.errors.append(f"the session that trains: {error}")
    store.close()
    await page.context.close()
