"""The page Data: built-in data, uploads with their mistakes, and what can be done with a stored data set."""

from __future__ import annotations

import dataclasses
import gzip
import threading
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convmf.config import ConvMFConfig
from convmf.data import movielens
from convmf.data.dataset import Dataset, Ratings, read_dataset
from convmf.data.export import items_csv, ratings_csv
from convmf.data.sample import SAMPLE_NAME, SAMPLE_NOTE
from convmf.data.splits import SplitSettings
from convmf.runs.store import Store
from pages.shared import data_charts, data_manage, frame
from pages.shared import workspace as shared
from tests.helpers import tiny_dataset
from tests.hostile_files import CORPUS
from tests.movielens_server import archive, sends, serving

RATINGS = b"user,item,rating\nu1,007,5\nu1,b,3\nu2,007,4\nu2,b,oops\n,b,1\nu3,ghost,2\n"
ITEMS = b"item,title,description\n007,Seven,A war film\nb,**Bee**,![x](http://example.org/x.png)\nc,Sea,\n"


@pytest.fixture
def page(workspace):
    return _page()


@pytest.fixture
def stored(workspace):
    store = Store(workspace)
    yield store
    store.close()


def _page(**query: str) -> AppTest:
    at = AppTest.from_file("../app.py", default_timeout=30)
    at.run()
    at.switch_page("pages/data.py")
    for key, value in query.items():
        at.query_params[key] = value
    return _run(at)


def _query(at: AppTest) -> dict[str, str]:
    """The address; what the test has put there stands in lists, what the page has put there doesn't."""
    return {key: value if isinstance(value, str) else value[-1] for key, value in at.query_params.items()}


def _run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def _upload(at: AppTest, which: int, name: str, content: bytes) -> AppTest:
    at.file_uploader[which].set_value((name, content, "text/csv"))
    return _run(at)


def _click(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return _run(at)


def _texts(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.success, at.warning, at.info, at.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def _metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_built_in_data_in_one_click_labelled_as_invented(page, stored):
    _click(page, "Load the built-in data")
    (record,) = stored.datasets()
    assert (record.name, record.note) == (SAMPLE_NAME, SAMPLE_NOTE)
    assert SAMPLE_NOTE in _texts(page)
    assert "lowest possible RMSE" in _texts(page)
    assert _metrics(page)["Ratings"] == f"{record.n_ratings:,}"
    assert page.query_params["dataset"] == record.id
    assert "Load the built-in data" not in [button.label for button in page.button]


def test_upload_of_both_files_is_stored_with_its_ids_kept(page, stored):
    _upload(page, 0, "mine.csv", RATINGS)
    _upload(page, 1, "items.csv.gz", gzip.compress(ITEMS))
    assert "1 of 4 ratings are for items that the items file doesn't have" in _texts(page)
    _click(page, "Use this data")
    (record,) = stored.datasets()
    data = stored.load_dataset(record.id)
    assert record.name == "mine"
    assert data.item_ids == ("007", "b", "c", "ghost")
    assert (data.n_ratings, data.n_items_with_text) == (4, 2)
    assert "2 bad rows left out" in _texts(page)
    assert _metrics(page)["Rating scale"] == "2 to 5"
    assert not page.session_state["upload_generation"] == 0  # the fields are empty again


def test_a_second_file_of_the_same_name_gets_a_name_of_its_own(page, stored):
    for extra in (b"", b"u9,b,4\n", b"u8,b,4\n"):
        _upload(page, 0, "ratings.csv", RATINGS + extra)
        _click(page, "Use this data")
    assert [record.name for record in stored.datasets()] == ["My data 3", "My data 2", "My data"]


def test_exchanged_files_are_told_and_nothing_is_lost(page):
    _upload(page, 0, "mine.csv", RATINGS)
    _upload(page, 0, "items.csv", b"item,title,description\n1,Heat,A thief\n2,Up,A house flies\n")
    assert "were the two exchanged" in _texts(page)
    assert not page.exception


def test_bad_rows_are_counted_by_reason_and_listed_by_line(page):
    _upload(page, 0, "mine.csv", RATINGS)
    assert "4 of 6 rows can be used. 2 were left out." in _texts(page)
    counts, rows = (frame.value for frame in page.dataframe[1:3])
    assert dict(zip(counts["Reason"], counts["Rows"], strict=True)) == {
        "rating is not a number": 1,
        "user id is missing": 1,
    }
    assert rows["Line"].tolist() == [5, 6]
    assert rows["Value"].tolist() == ["oops", ""]
    assert page.get("download_button")


def test_columns_can_be_chosen_otherwise(page, stored):
    _upload(page, 0, "mine.csv", b"who,stars,what\na,1,x\nb,2,y\nc,3,x\n")
    chosen = {box.label: box for box in page.selectbox}
    chosen["Item"].set_value("what")
    chosen["Rating"].set_value("stars")
    _run(page)
    _click(page, "Use this data")
    data = stored.load_dataset(stored.datasets()[0].id)
    assert data.item_ids == ("x", "y")
    assert data.ratings.rating.tolist() == [1.0, 2.0, 3.0]


def test_one_column_in_two_roles_is_refused(page):
    _upload(page, 0, "mine.csv", RATINGS)
    next(box for box in page.selectbox if box.label == "Item").set_value("user")
    _run(page)
    assert "Chosen twice: user" in _texts(page)
    assert "Use this data" not in [button.label for button in page.button]


def test_a_broken_upload_leaves_what_was_loaded(page):
    _upload(page, 0, "mine.csv", RATINGS)
    _upload(page, 0, "broken.csv.gz", b"\x1f\x8bnothing")
    assert [error.value for error in page.error][0].startswith(frame.plain("broken.csv.gz is a damaged gzip file"))
    assert len(page.error) == 1
    assert "In use: mine" in _texts(page)
    assert "4 of 6 rows" in _texts(page)


@pytest.mark.parametrize("kind", ["ratings", "items"])
def test_hostile_uploads_leave_what_was_loaded(workspace, stored, kind):
    record = stored.add_dataset(tiny_dataset(20))
    page = _page(dataset=record.id)
    before = _metrics(page)
    broken = {name: hostile for name, hostile in CORPUS.items() if hostile.kind == kind and hostile.error}
    few = ["an Excel workbook", "a million columns", "noise", "duplicate headers", "nothing", "only a header"]
    for name in (f"{kind}: {short}" for short in few):
        _upload(page, 0 if kind == "ratings" else 1, "hostile.csv", broken[name].content())
        (error,) = page.error
        assert broken[name].is_told_by(error.value.replace("\\", "")), name
        assert "Use this data" not in [button.label for button in page.button]
        assert _metrics(page) == before and before["Users"] == "20"
        assert [kept.id for kept in stored.datasets()] == [record.id]
    assert stored.load_dataset(record.id).n_users == 20


def test_the_former_file_comes_back_when_the_browser_empties_the_field_first(page):
    _upload(page, 0, "mine.csv", RATINGS)
    page.file_uploader[0].set_value(None)
    _run(page)
    assert "In use" not in _texts(page)
    _upload(page, 0, "broken.pdf", b"%PDF-1.4 nothing")
    assert "is a PDF" in _texts(page)
    assert "In use: mine" in _texts(page)


def test_a_file_without_a_usable_row_is_one_error(page):
    _upload(page, 0, "mine.csv", b"user,item,rating\na,b,good\nc,d,bad\n")
    assert len(page.error) == 1
    assert "Use this data" not in [button.label for button in page.button]


def test_an_upload_survives_a_change_of_page(page):
    _upload(page, 0, "mine.csv", RATINGS)
    page.switch_page("app.py")
    _run(page)
    page.switch_page("pages/data.py")
    _run(page)
    assert "In use: mine" in _texts(page)
    assert "4 of 6 rows" in _texts(page)


def test_an_unchanged_file_is_read_once(page):
    _upload(page, 0, "mine.csv", RATINGS)
    first = page.session_state["table_ratings"][1]
    _run(page)
    assert page.session_state["table_ratings"][1] is first


def test_remove_forgets_one_file_and_keeps_the_other(page):
    _upload(page, 0, "mine.csv", RATINGS)
    _upload(page, 1, "items.csv", ITEMS)
    page.button(key="remove_items").click()
    _run(page)
    assert "In use: mine" in _texts(page)
    assert "In use: items" not in _texts(page)


def test_the_address_chooses_the_data_set(workspace, stored):
    first, second = stored.add_dataset(tiny_dataset(20)), stored.add_dataset(tiny_dataset(30))
    assert _metrics(_page(dataset=first.id))["Users"] == "20"
    assert _metrics(_page(dataset=second.id))["Users"] == "30"


def test_data_sets_that_look_alike_can_both_be_chosen(workspace, stored):
    for _ in range(3):
        stored.add_dataset(tiny_dataset())
    page = _page()
    box = page.selectbox(key="dataset_choice")
    assert box.options == ["tiny · 403 ratings", "tiny · 403 ratings (2)", "tiny · 403 ratings (3)"]
    for record in stored.datasets()[::-1]:
        page.selectbox(key="dataset_choice").set_value(record.id)
        _run(page)
        assert _query(page)["dataset"] == record.id


def test_an_address_of_a_deleted_data_set_says_so(workspace, stored):
    stored.add_dataset(tiny_dataset(20))
    page = _page(dataset="0123456789abcdef")
    assert "isn't in the workspace any more" in _texts(page)
    assert _metrics(page)["Users"] == "20"


def test_choosing_another_data_set_changes_figures_and_address(workspace, stored):
    first, second = stored.add_dataset(tiny_dataset(20)), stored.add_dataset(tiny_dataset(30))
    page = _page(dataset=second.id)
    page.selectbox(key="dataset_choice").set_value(first.id)
    _run(page)
    assert _metrics(page)["Users"] == "20"
    assert page.query_params["dataset"] == first.id


def test_rename(workspace, stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    page.text_input(key=f"name_{record.id}").set_value("Better *name*")
    page.button(key=f"rename_{record.id}").click()
    _run(page)
    assert stored.dataset_record(record.id).name == "Better *name*"


def test_delete(workspace, stored):
    record, other = stored.add_dataset(tiny_dataset(20)), stored.add_dataset(tiny_dataset(30))
    page = _page(dataset=record.id)
    page.button(key=f"delete_{record.id}").click()
    _run(page)
    assert [left.id for left in stored.datasets()] == [other.id]
    assert _metrics(page)["Users"] == "30"


def test_delete_shows_what_hangs_on_the_data_and_takes_it_along_when_told_to(workspace, stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    run = stored.create_run(record.id, ConvMFConfig(), SplitSettings(), name="First *try*")
    _run(page)
    links = [link.label for link in page.get("page_link")]
    assert r"First \*try\*" in links
    assert page.button(key=f"delete_{record.id}").disabled
    assert "waiting or in training" in _texts(page)
    stored.set_state(run.id, "stopped")
    _run(page)
    assert page.button(key=f"delete_{record.id}").disabled
    page.checkbox(key=f"runs_of_{record.id}").check()
    _run(page)
    page.button(key=f"delete_{record.id}").click()
    _run(page)
    assert not stored.datasets() and not stored.runs()


def test_a_run_that_started_meanwhile_is_not_deleted(workspace, stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    stored.create_run(record.id, ConvMFConfig(), SplitSettings(), name="Late one")
    page.button(key=f"delete_{record.id}").click()
    _run(page)
    assert [left.id for left in stored.datasets()] == [record.id]


def test_the_data_can_be_taken_away(workspace, stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    labels = [button.proto.label for button in page.get("download_button")]
    assert labels == ["ratings.csv.gz", "items.csv.gz"]
    data = stored.load_dataset(record.id)
    again, _ = read_dataset(*(data_manage._file(record.id, make) for make in (ratings_csv, items_csv)))
    assert (again.item_ids, again.texts, again.n_ratings) == (data.item_ids, data.texts, data.n_ratings)


def test_examples_of_every_length_and_of_what_is_missing(workspace, stored):
    data = tiny_dataset()
    texts = tuple("word " * (row + 1) if text else "" for row, text in enumerate(data.texts))
    stored.add_dataset(dataclasses.replace(data, texts=texts))
    page = _page(view="texts")
    kind = page.button_group(key="address_texts")
    assert kind.options == ["A mix", "The longest", "The shortest", "Missing (1)"]

    def shown() -> list[str]:
        titles = [element.value.strip("*") for element in page.markdown if element.value.startswith("**Film")]
        return [title.removeprefix("Film ") for title in titles]

    kind.set_value("shortest")
    _run(page)
    assert shown() == ["0", "1", "2"]
    _click(page, "Show others")
    assert shown() == ["3", "4", "5"]
    page.button_group(key="address_texts").set_value("longest")
    _run(page)
    assert shown() == ["23", "22", "20"]
    assert "24 words · 0 ratings" in _texts(page)
    page.button_group(key="address_texts").set_value("missing")
    _run(page)
    assert "1 of 24 items have no description." in _texts(page)
    table = next(frame.value for frame in page.dataframe if "Item" in frame.value)
    assert table["Item"].tolist() == ["i21"] and table["Ratings"].tolist() == [int(data.item_counts()[21])]


def test_the_words_and_what_becomes_of_them(workspace, stored):
    stored.add_dataset(tiny_dataset())
    page = _page(view="words")
    assert _metrics(page)["Distinct words"] == "12"
    words = next(frame.value for frame in page.dataframe if "Word" in frame.value)
    assert set(words["Used"]) == {"Read"} and set(words["Word"]) == {"house", "love", "wedding"}
    page.button_group(key="address_words").set_value("too common")
    _run(page)
    words = next(frame.value for frame in page.dataframe if "Word" in frame.value)
    assert {"war", "soldiers"} <= set(words["Word"]) and set(words["Used"]) == {"Too common"}
    page.text_input(key="address_word").set_value("WED")
    _run(page)
    words = next(frame.value for frame in page.dataframe if "Word" in frame.value)
    assert words["Word"].tolist() == ["wedding"]
    page.text_input(key="address_word").set_value("(")
    _run(page)
    assert "no such word" in _texts(page)


def test_data_sets_side_by_side(workspace, stored):
    stored.add_dataset(dataclasses.replace(tiny_dataset(20), name="Same"))
    assert _page().button_group(key="address_view").options == ["Ratings", "Descriptions", "Words"]
    stored.add_dataset(dataclasses.replace(tiny_dataset(30), name="Same"))
    page = _page(view="beside")
    table = page.table[0].value
    assert table.loc["Users"].tolist()[:2] == ["30", "20"]
    assert list(table.columns) == ["Same", r"Same \(2\)", "What it is"]
    assert table.loc["Items with a text"].tolist()[:2] == ["23", "23"]
    compared = next(box for box in page.multiselect if box.label == "Data sets to compare")
    compared.set_value(compared.value[:1])
    _run(page)
    assert "Choose at least two." in _texts(page)
    assert [_query(page)["compare"]] == compared.value


def test_the_address_holds_every_choice_on_a_data_set(workspace, stored):
    for name in ("A", "B", "C"):
        stored.add_dataset(dataclasses.replace(tiny_dataset(), name=name))
    newest, middle, oldest = stored.datasets()
    page = _page(
        dataset=middle.id,
        view="texts",
        texts="missing",
        words="too common",
        word="war",
        compare=f"{oldest.id},{newest.id}",
    )
    assert "1 of 24 items have no description." in _texts(page)
    _look_at(page, "words")
    assert page.button_group(key="address_words").value == "too common"
    assert page.text_input(key="address_word").value == "war"
    page.text_input(key="address_word").set_value("")
    _run(page)
    _look_at(page, "beside")
    assert list(page.table[0].value.columns) == ["A", "C", "What it is"]
    _look_at(page, "texts")
    page.button_group(key="address_texts").set_value("mix")
    _run(page)
    assert _query(page)["words"] == "too common" and _query(page)["dataset"] == middle.id
    assert "word" not in page.query_params and "texts" not in page.query_params


def _look_at(page: AppTest, view: str) -> None:
    page.button_group(key="address_view").set_value(view)
    _run(page)
    assert _query(page)["view"] == view


def test_names_in_plots_are_neither_markup_nor_templates():
    picture = data_charts.tails({"<b>%{x}</b> $x$ & {y}": ([0, 1], [0, 1])})
    (line,) = picture.figure.data
    assert line.name == "&lt;b&gt;&#37;&#123;x&#125;&lt;/b&gt; &#36;x&#36; &amp; &#123;y&#125;"
    assert line.hovertemplate.startswith(line.name)


def _fetched(page: AppTest) -> AppTest:
    until = time.monotonic() + 30
    while "movielens_stop" in [button.key for button in page.button]:
        assert time.monotonic() < until
        time.sleep(0.05)
        _run(page)
    return page


def test_movielens_is_fetched_when_asked_with_its_terms_shown(page, stored, monkeypatch):
    asked = []
    hand_out = sends(archive())
    with serving(lambda handler: (asked.append(handler.path), hand_out(handler))) as url:
        monkeypatch.setattr(movielens, "URL", url)
        _run(page)
        assert not asked and "not for commercial use" in _texts(page)
        assert "only request to another host" in _texts(page) and "Acknowledge the data" in _texts(page)
        page.button(key="movielens_start").click()
        _fetched(_run(page))
    (record,) = stored.datasets()
    assert (record.name, record.note, record.n_items) == (movielens.NAME, movielens.NOTE, 4)
    assert r"MovieLens latest\-small is in the workspace\." in _texts(page)
    assert page.query_params["dataset"] == record.id
    assert "It is in the workspace already." in _texts(page)
    assert len(asked) == 1


def test_without_a_connection_movielens_says_what_to_do_and_can_be_tried_again(page, stored, monkeypatch):
    monkeypatch.setattr(movielens, "URL", "http://127.0.0.1:9/ml-latest-small.zip")
    page.button(key="movielens_start").click()
    _fetched(_run(page))
    assert "Check this machine's connection" in page.error[0].value
    assert page.button(key="movielens_start").label == "Try again"
    assert not stored.datasets()


def test_a_fetch_can_be_stopped(page, stored, monkeypatch):
    go_on = threading.Event()

    def slow(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"PK")
        while not go_on.wait(0.02):
            handler.wfile.write(b"more")

    with serving(slow) as url:
        monkeypatch.setattr(movielens, "URL", url)
        page.button(key="movielens_start").click()
        _run(page)
        page.button(key="movielens_stop").click()
        _fetched(_run(page))
        go_on.set()
    assert "Stopped. Nothing was kept." in _texts(page)
    assert not stored.datasets()


def test_texts_of_the_user_never_become_markdown(workspace, stored):
    ratings = Ratings(np.array([0], np.int32), np.array([0], np.int32), np.array([3.0], np.float32))
    picture = "![x](http://example.org/x.png)"
    stored.add_dataset(Dataset(picture, ("u",), ("i",), (picture,), (picture,), (picture,), ratings))
    page = _page(view="texts")
    assert picture not in _texts(page)
    assert _texts(page).count(frame.plain(picture)) >= 3


def test_ratings_without_texts_have_figures_and_a_hint(page):
    _upload(page, 0, "mine.csv", RATINGS)
    _click(page, "Use this data")
    assert _metrics(page)["Items with text"] == "0.0\u00a0%"
    assert "No item of this data set has a description" in _texts(page)


def test_movielens_100k(page, test_data):
    folder = test_data / "ml-100k"
    _upload(page, 0, "ratings.csv.gz", (folder / "ratings.csv.gz").read_bytes())
    _upload(page, 1, "items.csv.gz", (folder / "items.csv.gz").read_bytes())
    _click(page, "Use this data")
    assert {key: _metrics(page)[key] for key in ("Users", "Ratings")} == {"Users": "943", "Ratings": "100,000"}


@pytest.mark.parametrize(
    "text", ["[a](http://b)", "![a](b)", "<b>", "**x**", "`x`", "$x$", "a\n\n# b", "| a |", ":smile:", ":red[x]"]
)
def test_plain_leaves_no_markdown(text):
    shown = frame.plain(text)
    for mark in ("[", "](", "<", "*", "`", "$", "#", "|"):
        assert all(shown[place - 1] == "\\" for place in range(len(shown)) if shown.startswith(mark, place))
    assert "\n" not in shown
    assert ":smile:" not in shown
    assert shown.replace("\\", "").replace("\u2060", "") == " ".join(text.split())


def _dataset(values: list[float], items: list[int], texts: tuple[str, ...]) -> Dataset:
    n = len(values)
    ratings = Ratings(np.arange(n, dtype=np.int32), np.array(items, np.int32), np.array(values, np.float32))
    ids = tuple(f"i{row}" for row in range(len(texts)))
    return Dataset("d", tuple(f"u{row}" for row in range(n)), ids, ids, texts, ("",) * len(texts), ratings)


def test_rating_histogram_has_a_bar_a_value():
    picture = data_charts.rating_histogram(_dataset([1, 1, 3, 5], [0, 0, 0, 0], ("",)))
    (bars,) = picture.figure.data
    assert list(bars.x) == [1, 3, 5]
    assert list(bars.y) == [2, 1, 1]
    assert "mean rating is 2.50, the standard deviation 1.66" in picture.caption


def test_rating_histogram_of_many_values_has_ranges():
    picture = data_charts.rating_histogram(_dataset(list(range(101)), [0] * 101, ("",)))
    (bars,) = picture.figure.data
    assert len(bars.x) == data_charts.MAX_BARS
    assert sum(bars.y) == 101


def test_long_tail_goes_down_and_counts_the_unrated():
    picture = data_charts.long_tail(_dataset([1] * 6, [0, 2, 2, 2, 1, 1], ("", "", "", "")))
    (line,) = picture.figure.data
    assert list(line.x) == [1, 2, 3]
    assert list(line.y) == [3, 2, 1]
    assert picture.caption == "The most rated item has 50\u00a0% of the ratings. Items without any rating: 1."
    picture = data_charts.long_tail(_dataset([1] * 20, [0] * 11 + list(range(1, 10)), ("",) * 10))
    assert picture.caption.startswith("The most rated tenth of the items has 55\u00a0%")


def test_text_lengths_count_every_text_once():
    texts = ("one two three", "", "one", " ".join(["w"] * 80))
    picture = data_charts.text_lengths(_dataset([1], [0], texts))
    (bars,) = picture.figure.data
    assert sum(bars.y) == 3
    assert picture.caption == "Half of the descriptions have up to 3 words; the longest has 80."


def test_ratings_that_are_all_equal_are_warned_of(workspace):
    page = _page()
    _upload(page, 0, "likes.csv", b"user,item,rating\n" + b"".join(b"u%d,i%d,1\n" % (k % 7, k % 5) for k in range(35)))
    assert any("All ratings are 1, so nothing tells" in warning.value for warning in page.warning)


def test_files_that_dont_fit_each_other_are_told_with_the_data_set(workspace):
    page = _page()
    _upload(page, 0, "ratings.csv", RATINGS)
    _upload(page, 1, "items.csv", b"item,title,description\nother,A,Words of it\n")
    next(button for button in page.button if button.label == "Use this data").click()
    page.run()
    (record,) = shared.store().datasets()
    assert "the files use different item labels" in record.note


def test_the_same_file_used_twice_gives_two_names(workspace):
    for _ in range(2):
        page = _page()
        _upload(page, 0, "shop.csv", RATINGS)
        next(button for button in page.button if button.label == "Use this data").click()
        page.run()
        assert not page.exception
    assert sorted(record.name for record in shared.store().datasets()) == ["shop", "shop 2"]
