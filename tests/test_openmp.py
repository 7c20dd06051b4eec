"""How threads wait for each other."""

import os
import subprocess
import sys

import pytest

from convmf.openmp import BRIEF, wait_briefly


@pytest.fixture
def unset(monkeypatch):
    for name in BRIEF:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)


def test_threads_spin_briefly_where_nobody_says_otherwise(unset):
    wait_briefly()
    assert {name: os.environ[name] for name in BRIEF} == BRIEF


@pytest.mark.parametrize("name", BRIEF)
def test_a_wish_of_the_environment_is_left_alone(unset, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    wait_briefly()
    assert {other: os.environ.get(other) for other in BRIEF} == {**dict.fromkeys(BRIEF), name: "1"}


def test_the_command_line_waits_briefly_before_torch_is_there(unset):
    said = "import os, sys; from convmf.__main__ import main; main(['--help'])"
    seen = f"print([os.environ.get(name) for name in {list(BRIEF)}], 'torch' in sys.modules)"
    code = f"try:\n {said}\nexcept SystemExit:\n {seen}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{list(BRIEF.values())} False"
