from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convmf.__main__ import main
from convmf.commands.options import print_json
from convmf.commands.predict import _print_phrases
from convmf.model.convmf import ConvMF
from tests.helpers import tiny_dataset

ROOT = Path(__file__).parents[1]
TINY_FLAGS = [
    flag
    for setting in (
        "n_factors=4",
        "embedding_dim=8",
        "n_kernels=6",
        "hidden_dim=12",
        "n_iterations=3",
        "max_document_frequency=1",
        "device=cpu",
    )
    for flag in ("--set", setting)
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A ratings file with one bad row and an items file, as flags."""
    folder, data = tmp_path_factory.mktemp("files"), tiny_dataset()
    rows = zip(data.ratings.user_index, data.ratings.item_index, data.ratings.rating, strict=True)
    lines = [f"u{user},i{item},{rating:.3f}" for user, item, rating in rows]
    (folder / "ratings.csv").write_text("\n".join(["user_id,item_id,rating", "u0,i0,many", *lines]))
    items = [f'{item_id},"{text}"' for item_id, text in zip(data.item_ids, data.texts, strict=True)]
    (folder / "items.csv").write_text("\n".join(["item_id,description", *items]))
    return ["--ratings", str(folder / "ratings.csv"), "--items", str(folder / "items.csv")]


@pytest.fixture(scope="module")
def trained(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "model"
    assert main(["train", *files, "--out", str(folder), "--preset", "quick", "--cold-items", "0.1", *TINY_FLAGS]) == 0
    return folder


def test_check_reports_the_bad_row(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *files, "--report", str(tmp_path / "check.json")]) == 0
    output = capsys.readouterr().out
    assert "line 2: rating 'many'" in output and "left out" in output
    report = json.loads((tmp_path / "check.json").read_text())
    assert report["data"] == tiny_dataset().summary()
    assert [problem["line"] for problem in report["ratings"]["problems"]] == [2]
    assert report["items"]["problems"] == []
    assert main(["check", *files[:2]]) == 0, "ratings alone are a data set, too"
    assert "items with text: 0" in capsys.readouterr().out


def test_train_writes_model_and_report(trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text())
    assert set(report) >= {
        "data",
        "config",
        "device",
        "seconds",
        "iterations",
        "best_iteration",
        "rmse",
        "baselines",
        "history",
    }
    assert report["config"]["n_factors"] == 4 and report["iterations"] == 3
    assert report["rmse"]["cold"] > 0 and report["baselines"]["pmf"] is None
    assert set(report["history"][0]) >= {"iteration", "objective", "train_rmse", "valid_rmse", "cnn_loss", "seconds"}
    assert ConvMF.load(trained).config.n_iterations == 3


def test_predict(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--model", str(trained), "--text", "war river zebra", "--top", "4", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"known_words", "unknown_words", "rating", "top_users", "nearest_items", "evidence", "words"}
    rating = answer["rating"]
    assert rating["low"] < rating["mean"] < rating["high"] and rating["level"] == 0.8
    assert answer["unknown_words"] == ["zebra"] and len(answer["top_users"]) == len(answer["nearest_items"]) == 4
    assert main(["predict", "--model", str(trained), "--text", ""]) == 0
    output = capsys.readouterr().out
    assert "Expected rating" in output and "80% of its ratings would lie between" in output


def test_recommend(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "--model", str(trained), "--user", "u3", "--top", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2 and set(rows[0]) == {"item_id", "title", "rating"}
    assert main(["recommend", "--model", str(trained), "--user", "u3"]) == 0


def test_predict_for_a_user_and_with_a_word_replaced(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["predict", "--model", str(trained), "--text", "War river", "--user", "u3", "--replace", "war"]
    assert main([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["user"]["user_id"] == "u3" and set(answer["replace"]["substitutes"]) == {"raises", "keeps", "lowers"}
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "User u3 would rate it" in output and "In the place of 'War'" in output


def test_an_effect_of_nothing_has_no_minus(capsys: pytest.CaptureFixture[str]) -> None:
    _print_phrases([{"weight": -0.0004, "phrase": "a lighthouse"}, {"weight": -0.0006, "phrase": "the sea"}])
    assert capsys.readouterr().out.split("\n")[:2] == ["  +0.000  a lighthouse", "  -0.001  the sea"]


def test_recommend_explains_itself(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["recommend", "--model", str(trained), "--top", "1", "--explain"]
    for who in (["--user", "u3"], ["--rate", "i0=4.5", "--rate", "i1=2"]):
        assert main([*command, *who, "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert {"item_id", "title", "rating", "parts"} <= set(row) and ("shares" in row) == (who[0] == "--rate")
        assert main([*command, *who]) == 0
        output = capsys.readouterr().out
        assert "text part" in output and ("from 4.5 for" in output) == (who[0] == "--rate")


def test_resume_of_a_finished_training_changes_nothing(trained: Path) -> None:
    before = ConvMF.load(trained)
    assert main(["train", "--resume", str(trained)]) == 0
    after = ConvMF.load(trained)
    assert (before.predict_text(["war"]) == after.predict_text(["war"])).all()


@pytest.fixture(scope="module")
def vectors_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vectors") / "small.txt"
    path.write_text("war 1 2 3\nlove -1 0.5 2\nwedding 0 1\nRiver 0.1 0.2 0.3\n")
    return path


def test_word_vectors_from_a_file(
    files: list[str], vectors_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--out", str(tmp_path), "--preset", "quick", *TINY_FLAGS, "--set", "freeze_embedding=true"]
    assert main(["train", *files, *flags, "--vectors", str(vectors_file)]) == 0
    error = capsys.readouterr().err
    assert "1 line is left out; line 3: 2 numbers behind the first word, not 3" in error
    assert "3 of 12 words (25.0%) have a pretrained vector" in error
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["word_vectors"] == {"file": "small.txt", "dim": 3, "known": 3, "words": 12}
    model = ConvMF.load(tmp_path)
    assert model.cnn is not None and model.cnn.embedding_layer.embedding_dim == 3
    assert main(["train", "--resume", str(tmp_path)]) == 0
    assert (ConvMF.load(tmp_path).predict_text(["war"]) == model.predict_text(["war"])).all()
    vectors_file.write_text(vectors_file.read_text().replace("war 1", "war 2"))
    capsys.readouterr()
    assert main(["train", "--resume", str(tmp_path)]) == 2
    assert "other word vectors" in capsys.readouterr().err


def test_word_vectors_that_cannot_be_used_are_one_line(
    files: list[str], tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads((trained / "report.json").read_text())["word_vectors"] is None
    (tmp_path / "bad.txt").write_text("this is no file of vectors\n")
    out = ["--out", str(tmp_path / "out")]
    for flags in (
        ["--vectors", str(tmp_path / "bad.txt")],
        ["--vectors", "missing"],
        ["--set", "freeze_embedding=true"],
    ):
        assert main(["train", *files, *out, *flags]) == 2
        told = capsys.readouterr().err.splitlines()
        assert sum(line.startswith("convmf: ") for line in told) == 1 and not any("Traceback" in line for line in told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train"],
        ["train", "--resume", "nowhere"],
        ["check", "--ratings", "missing.csv", "--items", "missing.csv"],
        ["predict", "--model", "nowhere", "--text", "x"],
        ["predict", "--model", "nowhere", "--text", "x", "--top", "0"],
        ["recommend", "--model", "nowhere", "--user", "x"],
        ["recommend", "--model", "nowhere", "--rate", "x=1"],
        ["recommend", "--model", "nowhere", "--rate", "x"],
        ["recommend", "--model", "nowhere"],
        ["demo", "--report", "nowhere/report.json"],
        ["study", "fly", "--ratings", "r.csv", "--items", "i.csv", "--out", "o"],
        ["study", "controls", "--ratings", "missing.csv", "--items", "missing.csv", "--out", "nowhere"],
        ["study", "controls", "--ratings", "r.csv", "--items", "i.csv", "--out", "o", "--seeds", "0"],
        ["study", "controls", "--ratings", "r.csv", "--items", "i.csv", "--out", "o", "--set", "text=none"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(arguments)
    except SystemExit as exit_:
        code = exit_.code  # type: ignore[assignment]
    error = capsys.readouterr().err
    assert code == 2
    assert len(error.strip().splitlines()) == 1 and "Traceback" not in error


@pytest.mark.parametrize("setting", ["n_factors=0", "colour=red", "lambda_u=high"])
def test_a_bad_setting_is_one_line(
    files: list[str], tmp_path: Path, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *files, "--out", str(tmp_path), "--set", setting]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_an_unknown_user_is_one_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "--model", str(trained), "--user", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process of its own")
def test_ctrl_c_keeps_what_was_learned_and_resume_goes_on(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "model"
    flags = [*TINY_FLAGS, "--set", "n_iterations=5000", "--set", "patience=5000"]
    command = [sys.executable, "-m", "convmf", "train", *files, "--out", str(out), "--preset", "quick", *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (out / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0 and "--resume" in error and "Traceback" not in error
    report = json.loads((out / "report.json").read_text())
    assert 1 <= report["iterations"] < 5000


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process of its own")
def test_ctrl_c_among_the_baselines_keeps_the_figures(files: list[str], tmp_path: Path) -> None:
    out, slow = tmp_path / "model", tmp_path / "slow.py"
    slow.write_text(
        "import sys, time\n"
        "from convmf.__main__ import main\n"
        "from convmf.evaluation import baselines, report\n"
        "def trained(split, config, text, vectors, should_stop):\n"
        "    print('baseline', text, flush=True)\n"
        "    while not should_stop():\n"
        "        time.sleep(0.01)\n"
        "baselines.trained = trained\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, str(slow), "train", *files, "--out", str(out), "--baselines", *TINY_FLAGS]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    try:
        assert process.stdout is not None and process.stdout.readline().startswith("baseline none")
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and "RMSE" in output and "left out" in error
    report = json.loads((out / "report.json").read_text())
    assert report["baselines"]["pmf"] is None and report["rmse"]["test"] > 0


def test_a_new_training_in_an_old_folder_leaves_nothing_of_the_old_one(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", *files, "--out", str(tmp_path), *TINY_FLAGS]
    assert main(command) == 0 and (tmp_path / "checkpoint.safetensors").exists()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convmf.commands.train.fit_and_report", killed)
    assert main([*command, "--seed", "7"]) == 130
    assert not (tmp_path / "report.json").exists()
    monkeypatch.undo()
    assert main(["train", "--resume", str(tmp_path)]) == 0, "it begins anew"
    assert json.loads((tmp_path / "report.json").read_text())["config"]["seed"] == 7


def test_a_report_that_cant_be_written_is_refused_before_the_work(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ratings = files[files.index("--ratings") + 1]
    content = Path(ratings).read_bytes()
    for report, said in ((tmp_path, "is a folder"), (ratings, "overwrite the file of --ratings")):
        assert main(["check", *files, "--report", str(report)]) == 2
        assert said in capsys.readouterr().err
    assert Path(ratings).read_bytes() == content


def test_json_loses_no_sign_where_the_output_knows_few(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="cp1252"))
    print_json({"title": "映画"})
    sys.stdout.flush()
    assert json.loads(buffer.getvalue()) == {"title": "映画"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Free some space"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x.csv"), "No such file or directory: x.csv\n"),
    ],
)
def test_an_error_of_the_system_names_its_file_if_it_has_one(
    error: OSError, said: str, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("convmf.model.convmf.ConvMF.load", fails)
    assert main(["recommend", "--model", str(trained), "--user", "u1"]) == 2
    assert said in capsys.readouterr().err


def test_an_item_is_rated_once(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "--model", str(trained), "--rate", "i1=5", "--rate", "i1=1"]) == 2
    assert "'i1' is rated more than once" in capsys.readouterr().err


def test_the_demo_beats_the_baselines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--report", str(tmp_path / "r.json")]) == 0
    assert "lowest possible" in capsys.readouterr().out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["rmse"]["test"] < report["baselines"]["biases"]["test"]
    cold = report["rmse"]["cold"]
    assert cold < report["baselines"]["global_mean"]["cold"] and cold < report["baselines"]["biases"]["cold"]


@pytest.mark.parametrize(
    "content",
    [
        "{bad",
        "{}",
        '{"config": {}, "ratings": "r", "items": "i", "split": {}}',
        '{"config": {}, "ratings": "r", "items": "i", "split": {}, "baselines": false, "vectors": 5}',
    ],
)
def test_a_damaged_training_folder_is_one_line(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.json").write_text(content)
    assert main(["train", "--resume", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "damaged" in error and len(error.strip().splitlines()) == 1


def test_resume_takes_no_other_settings(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [("--set", "n_factors=3"), ("--cold-items", "0.2"), ("--vectors", "v.txt"), ("--baselines",)]
    defaults = [("--preset", "default"), ("--seed", "0"), ("--valid", "0.1")]  # not what this one was trained with
    for flag, *value in given + defaults:
        assert main(["train", "--resume", str(trained), flag, *value]) == 2
        assert f"leave {flag} out" in capsys.readouterr().err


def test_study_shows_progress_and_goes_on_where_it_was(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    command = ["study", "controls", *files, "--out", str(tmp_path), "--seeds", "1", "--preset", "quick", *TINY_FLAGS]
    assert main(command) == 0
    first = capsys.readouterr()
    assert "0 of 5: real, seed 0, iteration 1" in first.err and "s left: shuffled, seed 0" in first.err
    assert "real texts change the test RMSE by" in first.out and "controls.html" in first.out
    assert main(command) == 0
    second = capsys.readouterr()
    assert "5 of 5" in second.err and "iteration" not in second.err and second.out == first.out


def test_study_reads_word_vectors(
    files: list[str], vectors_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["study", "ablation", *files, "--out", str(tmp_path), "--seeds", "1", "--preset", "quick", *TINY_FLAGS]
    assert main([*command, "--vectors", str(vectors_file)]) == 0
    assert "pretrained word vectors" in (tmp_path / "ablation.csv").read_text(encoding="utf-8")
    assert "ConvMF+" not in capsys.readouterr().out
