"""What the commands read and write: nothing of the user's is lost, and nothing is left out without a word."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from convmf.__main__ import main
from convmf.files import FileLock, read_json, write_json
from tests.test_main import ROOT, TINY_FLAGS

RATINGS = "user_id,item_id,rating\n" + "".join(f"u{n % 7},i{n % 5},{1 + n % 5}\n" for n in range(35))
ITEMS = "item_id,description\n" + "".join(f"i{n},a film about word{n} and rain\n" for n in range(5))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Sound files, as flags."""
    (tmp_path / "r.csv").write_text(RATINGS)
    (tmp_path / "i.csv").write_text(ITEMS)
    return ["--ratings", str(tmp_path / "r.csv"), "--items", str(tmp_path / "i.csv")]


@pytest.fixture
def trained(files: list[str], tmp_path: Path) -> Path:
    out = tmp_path / "model"
    assert main(["train", *files, "--out", str(out), *TINY_FLAGS]) == 0
    return out


def test_the_report_of_a_resumed_training_overwrites_no_input(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {path: path.read_bytes() for path in (tmp_path / "r.csv", trained / "model.json", trained / "train.json")}
    for path, said in zip(kept, ("file of --ratings", "own model.json", "own train.json"), strict=True):
        assert main(["train", "--resume", str(trained), "--report", str(path)]) == 2
        assert f"would overwrite the {said}" in capsys.readouterr().err.replace("training's ", "")
    assert {path: path.read_bytes() for path in kept} == kept
    assert main(["train", "--resume", str(trained), "--report", str(trained / "report.json")]) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has other links and no named pipes")
def test_a_report_goes_through_links_and_into_pipes(files: list[str], tmp_path: Path) -> None:
    link, target, pipe = tmp_path / "link.json", tmp_path / "target.json", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    assert main(["check", *files, "--report", str(link)]) == 0
    assert link.is_symlink() and json.loads(target.read_text())["ratings"]["n_kept"] == 35
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert main(["check", *files, "--report", str(pipe)]) == 0
    reader.join(10)
    assert json.loads(read[0])["ratings"]["n_kept"] == 35 and pipe.is_fifo()


def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    files: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    assert main(["demo", "--report", str(tmp_path / "r.json")]) == 2
    output = capsys.readouterr()
    assert "can't be written" in output.err and output.out == ""


def test_rows_left_out_are_named_before_a_training(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.csv").write_text(RATINGS.replace("u1,i1,2\n", 'u1,i1,"4,1"\n'))
    assert main(["train", *files, "--out", str(tmp_path / "out"), *TINY_FLAGS]) == 0
    error = capsys.readouterr().err
    assert "ratings: 1 of 35 rows left out; read were user_id from user_id, item_id from item_id" in error
    assert "line 3: rating '4,1'" in error
    (tmp_path / "i.csv").write_text(ITEMS.replace("\ni", "\nfilm"))
    assert main(["train", *files, "--out", str(tmp_path / "out"), *TINY_FLAGS]) == 0
    assert "No rating is of an item in the items file" in capsys.readouterr().err


def test_check_says_which_columns_it_read_and_counts_all_problems(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("convmf.data.problems.MAX_PROBLEMS", 25)
    (tmp_path / "r.csv").write_text(RATINGS + "u1,i1,bad\n" * 60)
    assert main(["check", *files, "--report", str(tmp_path / "c.json")]) == 0
    output = capsys.readouterr().out
    assert "(utf-8): user_id from user_id, item_id from item_id, rating from rating" in output
    assert "and 40 more" in output
    told = read_json(tmp_path / "c.json")["ratings"]
    assert (len(told["problems"]), told["n_unlisted"]) == (25, 35)
    assert told["counts"] == {"rating is not a number": 60}


def test_two_trainings_don_t_write_into_one_folder(
    files: list[str], trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    other = FileLock(trained / ".train.lock")
    assert other.acquire()
    for command in (["train", *files, "--out", str(trained), *TINY_FLAGS], ["train", "--resume", str(trained)]):
        assert main(command) == 2
        assert "Another training is writing into" in capsys.readouterr().err
    other.release()
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before


def test_word_vectors_that_no_network_would_read_are_refused(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", *files, "--out", str(tmp_path / "out"), "--vectors", "v.txt", "--set", "text=none"]
    assert main(command) == 2
    assert "text=none trains no network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("item_id,description\n" + "".join(f"i{n},\n" for n in range(5)), "have no descriptions"),
        (ITEMS.replace(" and rain", "").replace("a film about ", ""), "No word stands in enough descriptions"),
    ],
)
def test_a_study_of_words_without_words_says_so(
    files: list[str], tmp_path: Path, items: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "i.csv").write_text(items)
    assert main(["study", "words", *files, "--out", str(tmp_path / "out"), "--seeds", "1", *TINY_FLAGS]) == 2
    error = capsys.readouterr().err
    assert said in error and "stopped" not in error


@pytest.mark.skipif(os.name == "nt", reason="starts the command from a shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_ends_nothing(files: list[str], closed: str) -> None:
    command = f'"$0" -m convmf check "$@" {closed}'
    ended = subprocess.run(["sh", "-c", command, sys.executable, *files], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_a_file_whose_name_is_no_text_is_trained_on(files: list[str], tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9.csv")
    Path(odd).write_text(RATINGS)
    out = tmp_path / "out"
    assert main(["train", "--ratings", odd, *files[2:], "--out", str(out), *TINY_FLAGS]) == 0
    assert main(["train", "--resume", str(out)]) == 0


def test_half_characters_survive_json(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"name": "r\udce9 – 映画"})
    assert read_json(tmp_path / "x.json") == {"name": "r\udce9 – 映画"}
    assert "– 映画" in (tmp_path / "x.json").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("error")
def test_a_huge_rating_is_off_the_scale(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "--model", str(trained), "--rate", "i1=-1e300"]) == 2
    assert "go from 1 to 5" in capsys.readouterr().err


def test_the_figures_of_a_report_that_finds_no_room_are_seen(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = write_json

    def full(path: Path, value: object) -> None:
        if path.name == "report.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        written(path, value)

    monkeypatch.setattr("convmf.commands.train.write_json", full)
    assert main(["train", *files, "--out", str(tmp_path / "out"), *TINY_FLAGS]) == 2
    output = capsys.readouterr()
    assert "RMSE" in output.out and "Free some space" in output.err


def test_a_training_that_ends_before_it_begins_leaves_the_old_model(
    files: list[str], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convmf.commands.train.fit_and_report", stopped)
    assert main(["train", *files, "--out", str(trained), *TINY_FLAGS]) == 130
    assert main(["predict", "--model", str(trained), "--text", "rain"]) == 0
