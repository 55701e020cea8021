from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.hooks.mlflow.settings import MlflowSettings, tracking_uri
from tpige_kedro.hooks.mlflow.uri import malformed, scrubbed, shown

PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=5, max_size=20)


@given(PASSWORDS)
def test_a_password_is_hidden_in_whatever_form_a_message_repeats_it(secret: str) -> None:
    secret = f"Zq{secret}9"  # so that it is no part of the words around it
    uri = f"http://user:{quote(secret, safe='')}@host:5000"
    login = base64.b64encode(f"user:{secret}".encode()).decode()
    forms = {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], login}
    for form in forms | {repr(secret)[1:-1], quote_plus(secret)}:
        text = scrubbed(f"failed: {form} was refused", uri)
        assert form not in text and text.endswith("was refused"), (form, text)
    assert secret not in shown(uri) and quote(secret, safe="") not in shown(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://user:MARKER@host:5000/",
        "http://MARKER@host/",
        "https://host/?token=MARKER",
        "https://host/mlflow?a=b&access_token=MARKER#x",
        "postgresql://user:MARKER@host:5432/db?sslpassword=MARKER",
        "mysql+pymysql://user:MARKER@host/db",
        "http://user:ab@MARKER@host/",
        "http://user:ab/MARKER@host/",
        "http:/user:MARKER@host",
        "user:MARKER@host:5000",
        "databricks://MARKER@profile",
    ],
)
def test_no_part_of_a_uri_shows_a_secret(uri: str) -> None:
    assert "MARKER" not in shown(uri)
    said = f"cannot use {uri}; Invalid url: {uri.rstrip('/')}/api/2.0; ({uri!r}) and MARKER alone"
    assert "MARKER" not in scrubbed(said, uri)


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_secrets_of_the_environment_are_hidden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
    monkeypatch.setenv(name, "mark/er")
    login = base64.b64encode(b"user:mark/er").decode()
    text = scrubbed(f"mark/er mark%2Fer Bearer mark/er Basic {login}", "http://host")
    assert "mark" not in text and (name.endswith("TOKEN") or login not in text)


@pytest.mark.parametrize(
    "uri", ["sqlite:////data/me@work/m.db", "http://host:5000", "/data/a@b/mlruns", "databricks"]
)
def test_what_is_no_secret_is_shown(uri: str) -> None:
    assert shown(uri) == uri and scrubbed(f"cannot use {uri}: token required", uri) == (
        f"cannot use {uri}: token required"
    )
    assert not malformed(uri)


def test_the_environment_may_say_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///~/runs.db")
    uri = tracking_uri(MlflowSettings(), tmp_path)
    assert uri == f"sqlite:///{Path.home()}/runs.db"
