"""Sign-in: where it is configured, no page shows anything to those who haven't signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from pages.shared import frame
from pages.shared import workspace as shared

ROOT = Path(__file__).parents[1]
SECRETS = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "a long secret that nobody guesses"
{rest}
"""
ONE_PROVIDER = """
client_id = "app"
client_secret = "s"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""
TWO_PROVIDERS = "".join(f"\n[auth.{name}]{ONE_PROVIDER}" for name in ("google", "work"))


@pytest.fixture
def secrets(tmp_path: Path, workspace: Path) -> Iterator[Path]:
    """A secrets file that the app reads instead of its own; the test writes it."""
    path = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(path)])
    st.secrets._reset()
    yield path
    config.set_option("secrets.files", before)
    st.secrets._reset()


def visit(page: str, user: dict[str, object] | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.user = user or {}
    app.run()
    if page != "app.py":
        app.switch_page(page).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> list[str]:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.text, app.subheader)
    return [element.value for kind in kinds for element in kind]


@pytest.mark.parametrize("page", [path for path, _ in frame.MENU])
def test_nothing_is_shown_or_opened_before_the_sign_in(secrets: Path, workspace: Path, page: str) -> None:
    secrets.write_text(SECRETS.format(rest=ONE_PROVIDER))
    app = visit(page)
    assert texts(app) == ["Sign in to go on."]
    assert [button.label for button in app.button] == ["Sign in"]
    assert not app.dataframe and not app.metric and not app.file_uploader and not app.get("page_link")
    assert not workspace.exists()


@pytest.mark.parametrize("user", [{"is_logged_in": False}, {"is_logged_in": "yes"}, {"email": "ann@example.org"}])
def test_only_a_true_sign_in_counts(secrets: Path, user: dict[str, object]) -> None:
    secrets.write_text(SECRETS.format(rest=ONE_PROVIDER))
    assert texts(visit("app.py", user)) == ["Sign in to go on."]


def test_who_has_signed_in_sees_the_page_and_a_way_out(secrets: Path) -> None:
    secrets.write_text(SECRETS.format(rest=ONE_PROVIDER))
    app = visit("pages/data.py", {"is_logged_in": True, "email": "*ann*@example.org"})
    assert any(text.startswith(r"Signed in as \*ann\*") for text in texts(app))
    assert "Load the built-in data" in [button.label for button in app.button]
    app.button(key="sign_out").click().run()
    assert texts(app) == ["Sign in to go on."]


def test_each_provider_has_a_button(secrets: Path) -> None:
    secrets.write_text(SECRETS.format(rest=TWO_PROVIDERS))
    app = visit("app.py")
    assert [button.label for button in app.button] == ["Sign in with Google", "Sign in with Work"]
    app.button(key="sign_in_work").click().run()
    assert not app.exception and not app.error


@pytest.mark.parametrize("content", ["[auth]\n", '[auth]\ncookie_secret = "x"\n', 'auth = "yes"\n'])
def test_an_incomplete_section_lets_nobody_in_and_keeps_the_details_in_the_log(
    secrets: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    secrets.write_text(content)
    app = visit("app.py")
    assert texts(app) == ["Sign in to go on."]
    app.button[0].click().run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "The sign-in of this server isn't set up completely. Its log says what is missing."
    ]
    assert "Nobody can sign in" in caplog.text


@pytest.mark.parametrize("page", [path for path, _ in frame.MENU])
def test_a_secrets_file_that_cannot_be_read_lets_nobody_in(secrets: Path, workspace: Path, page: str) -> None:
    secrets.write_text('[auth\nclient_secret = "hidden"')
    app = visit(page)
    assert texts(app) == ["The sign-in of this server isn't set up completely. Its log says what is wrong."]
    assert not app.button and not workspace.exists()


def test_secrets_without_sign_in_change_nothing(secrets: Path) -> None:
    secrets.write_text('[other]\nkey = "x"\n')
    app = visit("pages/data.py")
    assert "Load the built-in data" in [button.label for button in app.button]
    assert shared.store().datasets() == []
