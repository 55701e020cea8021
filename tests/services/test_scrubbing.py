"""However a server writes a key back, it is not kept; what is no key stays as it is."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loopback import response, serving
from tpige_kedro.errors import ModelError
from tpige_kedro.services import secrets
from tpige_kedro.services.bounded_http import BoundedClient
from tpige_kedro.services.escapes import readings
from tpige_kedro.services.secrets import read_key, scrubbed

KEY = "sk-test/0123456789+secret_K"
SPECIAL = "-/+_"


def each(form: str) -> Callable[[str], str]:
    return lambda key: "".join(form.format(ord(c)) for c in key)


def some(form: str) -> Callable[[str], str]:
    return lambda key: "".join(form.format(ord(c)) if c in SPECIAL else c for c in key)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "json": each("\\u{:04x}"),
    "json, upper hex": each("\\u{:04X}"),
    "json in part": some("\\u{:04x}"),
    "json twice": each("\\\\u{:04x}"),
    "json of json of json": lambda key: json.dumps(json.dumps(each("\\u{:04x}")(key))),
    "json slash": lambda key: key.replace("/", "\\/"),
    "javascript": each("\\u{{{:x}}}"),
    "python": each("\\x{:02x}"),
    "octal": each("\\{:03o}"),
    "url": each("%{:02X}"),
    "url, lower hex": each("%{:02x}"),
    "url in part": some("%{:02X}"),
    "url twice": each("%25{:02X}"),
    "url of javascript": each("%u{:04X}"),
    "html": each("&#{};"),
    "html hex": each("&#x{:X};"),
    "html names": lambda key: key.replace("/", "&sol;").replace("+", "&plus;").replace("_", "&lowbar;"),
    "html of json": each("&#92;u{:04x}"),
    "json of html": each("\\u0026#{};"),
    "mail": each("={:02X}"),
    "mail lines": lambda key: "=\r\n".join([key[:7], key[7:15], key[15:]]),
    "lines": lambda key: "\n   ".join([key[:7], key[7:15], key[15:]]),
    "zero width": "\u200b".join,
    "hex": lambda key: key.encode().hex(),
    "hex, upper": lambda key: key.encode().hex().upper(),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 for addresses": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 of bearer": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of user": lambda key: base64.b64encode(f"u:{key}".encode()).decode(),
    "base64 lines": lambda key: base64.encodebytes(f"a long beginning of the text {key}{key}".encode()).decode(),
    "base64 in json": lambda key: each("\\u{:04x}")(base64.b64encode(key.encode()).decode()),
}  # fmt: skip
AROUND = (
    "{}",
    "Incorrect key: {}. Ask again.",
    "{}{}",
    'a "{}" & %41 \\u0041',
    "x={}&y=%zz",
    "é{}é",
)


def decoded_everywhere(text: str) -> str:
    """All that somebody might read in ``text`` who tries hard."""
    found = list(readings(text))
    for reading in readings(text):
        letters = re.sub(r"[^A-Za-z0-9+/]", "", reading.replace("-", "+").replace("_", "/"))
        for start in range(4):
            part = letters[start:]
            found.append(base64.b64decode(part[: len(part) // 4 * 4]).decode("latin-1"))
            pairs = re.sub(r"[^0-9a-f]", "", reading.lower())[start:]
            found.append(bytes.fromhex(pairs[: len(pairs) // 2 * 2]).decode("latin-1"))
    return "\n".join(found).lower()


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_found_in_every_writing(form: str, around: str) -> None:
    text = around.replace("{}", FORMS[form](KEY))
    clean = scrubbed(text, [KEY])
    assert "***" in clean
    assert KEY[4:20].lower() not in decoded_everywhere(clean)
    for word in ("Incorrect key: ", ". Ask again.", "%zz"):
        assert (word in clean) == (word in around), "the rest stays"


@given(st.text(max_size=200), st.sampled_from([KEY, "short", "abc", ""]))
def test_a_text_without_the_key_stays_as_it_is(text: str, key: str) -> None:
    if key.lower() not in text.lower() or len(key) < secrets.SHORTEST:
        assert scrubbed(text, [key]) == text


@pytest.mark.parametrize(
    ("key", "text", "clean"),
    [
        ("test", "a test, of testing-test", "a ***, of testing-test"),
        ("none", "none of them", "*** of them"),
        ("x", "x marks", "x marks"),
        ("EMPTY", "an empty room", "an empty room"),
    ],
)
def test_a_short_key_is_a_word_of_its_own(key: str, text: str, clean: str) -> None:
    assert scrubbed(text, [key]) == clean


@pytest.mark.parametrize(("key", "clean"), [("abcd123", "xabcd123x"), ("abcd1234", "x***x")])
def test_a_key_of_eight_characters_is_found_inside_of_words(key: str, clean: str) -> None:
    assert secrets.scrubbed(f"x{key}x", [key]) == clean


def test_a_long_key_goes_before_its_own_beginning() -> None:
    assert scrubbed("abcdefgh-ijklmnop", ["abcdefgh", "abcdefgh-ijklmnop"]) == "***"


def test_a_photo_that_is_sent_back_is_not_kept() -> None:
    echo = "bad input: {'url': 'data:image/jpeg;base64,/9j/4AAQSk+ZJ=='}"
    assert scrubbed(echo, []) == "bad input: {'url': '(a picture, not kept)'}"


@pytest.fixture
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secrets, "_known", set())
    yield


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("form", ["plain", "json", "url", "html", "base64 of bearer"])
def test_headers_texts_and_debug_logs_of_an_answer_hold_no_key(
    form: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("A_KEY", f" {KEY}\n")
    key = read_key("A_KEY")
    assert key == KEY
    echo = FORMS[form](key)
    with (
        caplog.at_level(logging.DEBUG),
        serving(
            lambda _: response(400, b"<p>" + echo.encode(), x_echo=echo, content_type="text/html")
        ) as server,
        BoundedClient(5.0, [key]) as client,
    ):
        answer = client.get(f"{server.url}/file?signature=of-my-own")
    assert "***" in answer.text and "***" in answer.headers["x-echo"]
    said = f"{answer.text}\n{answer.headers}\n{caplog.text}"
    assert echo not in said and KEY not in said
    assert "/file" in caplog.text and "of-my-own" not in caplog.text


@pytest.mark.parametrize(
    "key", ["sk-two\nlines-of-it", "sk-with a space", "sk-ünïcode-key", "sk-\x07-bell"]
)
def test_a_key_that_no_header_can_hold_is_refused_unseen(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", key)
    with pytest.raises(ModelError, match="A_KEY") as caught:
        read_key("A_KEY")
    assert key[:5] not in str(caught.value)


def test_needs_are_keys_only_where_they_are_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setenv("MY_API_KEY", KEY)
    monkeypatch.setenv("CUDA_HOME", "/usr/local/cuda")
    secrets.remember_needs(["MY_API_KEY", "CUDA_HOME", "NOT_SET_TOKEN"])
    assert secrets.known_secrets() == {KEY}
