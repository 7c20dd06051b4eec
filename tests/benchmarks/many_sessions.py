"""Thirty people click through all pages beside a training, on one machine with the browsers. Linux only.

python -m tests.benchmarks.many_sessions [--sessions 30] [--minutes 10] [--wire]

Each goes to another page every five to ten seconds. A switch of pages counts from the click to the end of the page's
script; “title” is when the new page's title is there. The browsers share the cores with the server: what each of them
takes of the processor is printed, too. With --wire the sessions have no browser and only speak the server's protocol,
as if people's browsers had cores of their own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from convmf.config import ConvMFConfig
from convmf.data.dataset import sample_dataset
from convmf.data.sample import SAMPLE_NOTE
from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.benchmarks.common import machine_line, print_table, print_target
from tests.e2e.browser import AppServer, find_chromium
from tests.e2e.sessions import Plan, Switch, Walked, walk

THINK = (5.0, 10.0)
SECONDS, SHARE = 1.0, 95
"""So many percent of the switches should take no longer."""
MEGABYTES = 50.0
"""Memory that may be added in the last third of the time, when all caches are full."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--wire", action="store_true", help="sessions without browsers")
    options = parser.parse_args(arguments)
    with sync_playwright() as playwright:
        chromium = find_chromium(playwright)
    if chromium is None:
        parser.error("No Chromium was found. Install one, or run: python -m playwright install chromium")
    print(machine_line())
    with tempfile.TemporaryDirectory() as scratch:
        dataset_id = fill(Path(scratch) / "workspace")
        plan = Plan(options.sessions, 60 * options.minutes, THINK, dataset_id, "default", not options.wire)
        with AppServer(Path(scratch) / "workspace", Path(scratch) / "server.log") as server:
            measure(server, chromium, plan)
            if server.crashed():
                print(server.output()[-5000:])


def fill(home: Path) -> str:
    """A workspace with the built-in data and a run trained on them; the id of the data."""
    store = Store(home)
    jobs = Jobs(store)
    data = store.add_dataset(sample_dataset(), note=SAMPLE_NOTE)
    run = jobs.start(data.id, ConvMFConfig.preset("quick"), SplitSettings(cold_items=0.1))
    while store.run(run.id).is_active:
        time.sleep(0.2)
    jobs.close()
    store.close()
    return data.id


def measure(server: AppServer, chromium: str, plan: Plan) -> None:
    """Let the sessions walk, and print what came of it."""
    memory: list[float] = []
    spent: list[tuple[float, float, float]] = []

    def each_minute(minute: int) -> None:
        memory.append(resident_megabytes(server.pid))
        own = processor_seconds(server.pid)
        spent.append((time.monotonic(), own, processor_seconds(os.getpid()) - own))
        print(f"minute {minute}: server {memory[-1]:.0f} MB, load {os.getloadavg()[0]:.1f}", flush=True)

    walked = walk(server, chromium, plan, each_minute)
    seconds, own, browsers = (last - first for first, last in zip(spent[0], spent[-1], strict=True))
    kind = "browsers" if plan.in_browsers else "sessions without a browser"
    print(f"{plan.n_sessions} {kind}, {seconds / 60:.1f} minutes, {walked.n_trainings} trainings begun")
    print(f"cores in use on average: server with its training {own / seconds:.2f}, sessions {browsers / seconds:.2f}")
    print_switches(walked.switches)
    print_errors(walked)
    third = max(1, len(memory) // 3)
    print_target("memory added in the last third", memory[-1] - memory[-1 - third], MEGABYTES, " MB")


def print_switches(switches: Sequence[Switch]) -> None:
    """How long the switches took, by page and in all."""
    groups = {"all pages": list(switches)}
    groups["a session's first look"] = [switch for switch in switches if switch.is_first]
    groups["looks after that"] = [switch for switch in switches if not switch.is_first]
    groups |= {page: [one for one in switches if one.page == page] for page in sorted({one.page for one in switches})}
    rows = []
    for name, chosen in groups.items():
        if not chosen:
            continue
        drawn, titled = ([getattr(switch, kind) for switch in chosen] for kind in ("drawn", "titled"))
        figures = [np.median(drawn), np.percentile(drawn, SHARE), max(drawn), np.median(titled)]
        figures.append(np.percentile(titled, SHARE))
        share = np.mean(np.array(drawn) <= SECONDS)
        rows.append([name, f"{len(chosen):,}", *(f"{figure:.2f} s" for figure in figures), f"{share:.1%}"])
    head = ["to", "switches", "p50", f"p{SHARE}", "worst", "title p50", f"title p{SHARE}", f"within {SECONDS:g} s"]
    print_table(head, rows)
    print_target(f"{SHARE} % of the switches", np.percentile([one.drawn for one in switches], SHARE), SECONDS, " s")


def print_errors(walked: Walked) -> None:
    """Every error once, with how often it came."""
    for error, count in Counter(walked.errors).most_common():
        print(f"error, {count} times: {error}")
    print_target("errors", len(walked.errors), 0)


def resident_megabytes(pid: int) -> float:
    """The memory that a process holds, in MB (2²⁰ bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def processor_seconds(pid: int) -> float:
    """What a process and all that it has started, and that is still there, have taken of the processor."""
    ticks, parent = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended just now
            continue
        ticks[int(path.parent.name)], parent[int(path.parent.name)] = int(fields[11]) + int(fields[12]), int(fields[1])
    family, found = {pid}, True
    while found:
        found = {child for child, above in parent.items() if above in family} - family
        family |= found
    return sum(ticks.get(member, 0) for member in family) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
