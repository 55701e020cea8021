"""The server of the page: what it gives to whom, and what it refuses."""

from __future__ import annotations

import itertools
import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from drawn_study import DrawnStudy
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import Served, a_vote, serving

from tpige_kedro.schemas.tables import STUDY_VOTES
from tpige_kedro.study.votes_file import FILE


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> DrawnStudy:
    folder = tmp_path_factory.mktemp("study")
    return DrawnStudy(folder, samples=2, questions=("overall", "likeness")).draw()


@pytest.fixture(scope="module")
def served(study: DrawnStudy) -> Iterator[Served]:
    with serving(study) as found:
        yield found


def votes_of(study: DrawnStudy) -> list[tuple[Any, ...]]:
    with sqlite3.connect(study.study_folder / FILE) as db:
        return db.execute("SELECT * FROM votes ORDER BY rowid").fetchall()


# --- the way through


def test_a_rater_agrees_watches_votes_changes_and_resumes(
    served: Served, study: DrawnStudy
) -> None:
    link = served.link()
    assert served.ask(link).status == 200
    first = served.ask(f"{link}/state").json()
    assert first["agreed"] is False and "pairs" not in first
    assert served.ask(f"{link}/pairs/1").status == 403  # consent comes first
    assert served.ask(f"{link}/pairs/1/left").status == 403
    assert served.vote(link).status == 403
    assert served.post(f"{link}/agree").status == 200
    state = served.ask(f"{link}/state").json()
    assert [pair["place"] for pair in state["pairs"]] == list(range(1, len(study.pairs) + 1))
    served.watch(link)
    assert served.vote(link, answer="left").json() == {"saved": True}
    assert served.vote(link, answer="tie", question="likeness").json() == {"saved": True}
    assert served.ask(f"{link}/state").json()["pairs"][0]["done"] is True
    assert served.vote(link, answer="right").json() == {"saved": True}  # at once: it was watched
    assert served.ask(f"{link}/pairs/1").json()["answers"] == {
        "overall": "right",
        "likeness": "tie",
    }
    rows = STUDY_VOTES.validate(_table(study))
    assert list(rows.columns) == list(STUDY_VOTES.columns)
    mine = rows[rows["question"] == "overall"].tail(2)
    left = mine["left"].iloc[0]
    assert mine["answer"].tolist() == [left, "ba"["ab".index(left)]]


def _table(study: DrawnStudy) -> Any:
    import pandas as pd

    with sqlite3.connect(study.study_folder / FILE) as db:
        return pd.read_sql("SELECT * FROM votes ORDER BY rowid", db)


def test_votes_count_only_after_both_clips_went_out_and_had_time(served: Served) -> None:
    link = served.agreed()
    assert served.vote(link).json() == {"problem": "watch"}  # never opened
    served.ask(f"{link}/pairs/1")
    served.clock.now += 10
    assert served.vote(link).json() == {"problem": "watch"}  # no clip was sent
    served.take(link, 1, "left")
    assert served.vote(link).json() == {"problem": "watch"}  # one was
    served.take(link, 1, "right")
    assert served.vote(link).status == 200
    assert served.vote(link, 2, answer="unsure").json() == {"problem": "watch"}  # not opened
    served.ask(f"{link}/pairs/2")
    assert served.vote(link, 2, answer="unsure").status == 200  # a clip may not play at all


def test_long_clips_take_their_time(tmp_path: Path) -> None:
    from drawn_study import tiny_clip

    study = DrawnStudy(tmp_path, samples=1, variants=("vace", "phantom"), attention=0, repeats=0, swapped_repeats=0)  # fmt: skip
    study.make_clips(vace__walker00=tiny_clip("vace", "long", frames=20))  # 1 s
    study.draw()
    with serving(study) as served:
        link = served.agreed()
        served.watch(link, seconds=0.5)
        assert served.vote(link).json() == {"problem": "watch"}
        served.clock.now += 0.4
        assert served.vote(link).status == 200


def test_a_clip_that_was_broken_off_was_not_sent(served: Served) -> None:
    link = served.agreed()
    served.ask(f"{link}/pairs/1")
    size = len(served.ask(f"{link}/pairs/1/left").body)
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
        assert served.ask(f"{link}/pairs/1/right", method).status == 405
    served.clock.now += 10
    assert size and served.vote(link).json() == {"problem": "watch"}


def test_the_same_vote_again_is_one_vote(served: Served, study: DrawnStudy) -> None:
    link = served.agreed()
    served.watch(link)
    before = len(votes_of(study))
    vote = a_vote()
    found: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(served.post(f"{link}/pairs/1/votes", vote).status)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8 and len(votes_of(study)) == before + 1
    other = served.agreed()
    served.watch(other)
    for changed in (
        {},
        {"answer": "right"},
    ):  # an id that is taken is not acknowledged as another vote
        assert served.post(f"{other}/pairs/1/votes", vote | changed).json() == {"problem": "taken"}
    assert served.post(f"{link}/pairs/1/votes", vote | {"answer": "tie"}).json() == {
        "problem": "taken"
    }
    assert len(votes_of(study)) == before + 1


def test_delete_my_votes_deletes_mine(served: Served, study: DrawnStudy) -> None:
    one, two = served.agreed(), served.agreed()
    for link in (one, two):
        served.watch(link)
    assert served.vote(one).status == served.vote(two).status == 200
    count = len(votes_of(study))
    assert served.post(f"{one}/delete").status == 200
    assert len(votes_of(study)) == count - 1
    assert served.ask(f"{one}/state").json()["agreed"] is False
    assert served.ask(f"{two}/state").json()["pairs"][0]["done"] is False  # of two questions, one
    assert served.ask(f"{two}/pairs/1").json()["answers"] == {"overall": "left"}


def test_nothing_of_a_rater_is_kept_but_a_code(served: Served, study: DrawnStudy) -> None:
    link = served.agreed()
    token = link.rsplit("/", 1)[1]
    served.ask(f"{link}/state", headers={"User-Agent": "Mozilla of somebody"})
    kept = b"".join(file.read_bytes() for file in study.study_folder.glob("votes.sqlite*"))
    for words in (token, "127.0.0.1", "Mozilla"):
        assert words.encode() not in kept


# --- links


def test_links_of_nobody_and_links_that_expired(served: Served) -> None:
    link = served.link()
    expired = served.link(timedelta(seconds=-1))
    for path in ("", "/state", "/pairs/1", "/pairs/1/left", "/pairs/1/person"):
        assert served.ask(f"/r/nobody{path}").status == 404
        assert served.ask(f"{link[:-1]}{path}").status == 404
        assert served.ask(f"{expired}{path}").status == 410
    for path in ("/agree", "/delete", "/pairs/1/votes"):
        assert served.post(f"{expired}{path}", a_vote()).status == 410
    assert b"expired" in served.ask(expired).body and b"not known" in served.ask("/r/nobody").body


def test_tokens_cannot_be_guessed(served: Served) -> None:
    tokens = [link.rsplit("/", 1)[1] for link in served.links(200)]
    assert len(set(tokens)) == 200 and min(map(len, tokens)) >= 32
    for place in range(32):  # no letter stands still, and none counts
        assert len({token[place] for token in tokens}) > 20


def test_a_rater_sees_nothing_of_another(served: Served) -> None:
    one, two = served.agreed(), served.agreed()
    served.watch(one)
    served.vote(one, answer="tie")
    assert served.ask(f"{two}/pairs/1").json()["answers"] == {}
    code = next(code for code, _, _ in served.store.raters())
    assert served.ask(f"/r/{code}/state").status == 404  # a code is no token


# --- what must not get in


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/r/{token}/../../study.json",
        "/r/{token}/pairs/../study.json",
        "/r/{token}/pairs/1/../../../../pairs.parquet",
        "/r/{token}/pairs/..%2f..%2fpairs.parquet",
        "/r/{token}/pairs/1/%2e%2e/%2e%2e/votes.sqlite",
        "/r/{token}/pairs/%2e%2e%2fvotes.sqlite/left",
        "/r/{token}/pairs/1/left%00.json",
        "/r/{token}/pairs/1/left.json",
        "/r/{token}/pairs/1/left/",
        "/r/%00/state",
        "/pairs.parquet",
        "/material/study.json",
        "/study.json",
        "/votes.sqlite",
        "//etc/passwd",
        "/page.js/../votes.sqlite",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_to_a_file(served: Served, path: str) -> None:
    link = served.agreed()
    answer = served.ask(path.format(token=link.rsplit("/", 1)[1]))
    assert answer.status in {307, 400, 404}
    assert (
        b"PAR1" not in answer.body and b"SQLite" not in answer.body and b"root:" not in answer.body
    )


@pytest.mark.parametrize(
    "place", ["0", "-1", "99999", "1.0", "1e0", "01", "١", "%31x", "9" * 400, "", "left"]
)
def test_votes_for_pairs_that_were_not_asked(served: Served, study: DrawnStudy, place: str) -> None:
    link = served.agreed()
    count = len(votes_of(study))
    from urllib.parse import quote

    assert served.post(f"{link}/pairs/{quote(place)}/votes", a_vote()).status in {404, 405}
    assert served.ask(f"{link}/pairs/{quote(place)}/left").status in {404, 405}
    assert len(votes_of(study)) == count


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
@pytest.mark.parametrize("path", ["/agree", "/delete", "/pairs/1/votes"])
def test_other_sites_may_not_write(served: Served, path: str, headers: dict[str, str]) -> None:
    link = served.agreed()
    assert served.post(f"{link}{path}", a_vote(), **headers).status == 403


def test_the_page_itself_may_write(served: Served) -> None:
    link = served.agreed()
    assert (
        served.post(f"{link}/agree", Origin=served.base, Sec_Fetch_Site="same-origin").status == 200
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example"]
)
def test_other_names_are_not_answered(served: Served, host: str) -> None:
    link = served.agreed()
    assert served.ask(f"{link}/state", headers={"Host": host}).status in {400, 421}


def test_forms_and_other_kinds_of_bodies_are_refused(served: Served) -> None:
    link = served.agreed()
    served.ask(f"{link}/pairs/1")
    body = json.dumps(a_vote(answer="unsure"))
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = served.ask(f"{link}/pairs/1/votes", "POST", body, {"Content-Type": kind})
        assert answer.status == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_are_refused_before_they_are_read(served: Served, chunked: bool) -> None:
    link = served.agreed()
    path = f"{link}/pairs/1/votes"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as raw:
        length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 999999999999"
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        raw.sendall(head.encode())
        if chunked:
            raw.sendall(b"1400\r\n" + b" " * 5120 + b"\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 413")


WRONG: list[Any] = [
    None, [], "vote", 7, {}, {"vote_id": 1},
    *({**a_vote(), key: value} for key, value in itertools.product(
        ("vote_id", "question", "answer", "seconds"), (None, True, [], {}, -1, "", "x" * 200, "'; DROP TABLE votes; --"))),
    {**a_vote(), "answer": "a"}, {**a_vote(), "answer": "LEFT"}, {**a_vote(), "question": "text"},
    {**a_vote(), "rater": "rother1"}, {**a_vote(), "pair_id": "p"}, {**a_vote(), "seconds": "1"},
    {**a_vote(), "vote_id": "../../../etc/passwd"}, {**a_vote(), "vote_id": "A" * 36},
]  # fmt: skip


def test_wrong_bodies_are_no_votes(served: Served, study: DrawnStudy) -> None:
    link = served.agreed()
    served.ask(f"{link}/pairs/1")
    count = len(votes_of(study))
    path = f"{link}/pairs/1/votes"
    for body in WRONG:
        assert served.post(path, body).status == 422, body
    for raw in (b"", b"{", b"\xff\xfe", b'{"a":' * 700, b"NaN", b"[" * 4000):
        answer = served.ask(path, "POST", raw, {"Content-Type": "application/json"})
        assert answer.status == 422, raw[:20]
    for seconds in ("1e999", "NaN", "Infinity", "-0.1"):
        text = json.dumps(a_vote()).replace("1.5", seconds)
        answer = served.ask(path, "POST", text, {"Content-Type": "application/json"})
        assert answer.status == 422, seconds
    assert len(votes_of(study)) == count


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(["vote_id", "question", "answer", "seconds", "x"]), JSON)


@settings(max_examples=60)
@given(st.binary(max_size=300) | JSON.map(json.dumps).map(str.encode) | FIELDS.map(lambda f: json.dumps({**a_vote(), **f}).encode()))  # fmt: skip
def test_any_body_is_a_vote_or_refused(body: bytes) -> None:
    from tpige_kedro.study.page.asked import NotAVote, read_vote

    try:
        found = read_vote(body, ["overall"])
    except NotAVote:
        return
    assert (
        found.question == "overall"
        and 0 <= found.seconds < float("inf")
        and len(found.vote_id) == 36
    )


def test_headers_of_every_answer(served: Served) -> None:
    link = served.agreed()
    paths = ["/", "/nowhere", "/page.js", link, f"{link}/state", f"{link}/pairs/1", f"{link}/pairs/1/left", f"{link}/pairs/1/person"]  # fmt: skip
    for path in paths:
        answer = served.ask(path)
        policy = answer.header("content-security-policy") or ""
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("cache-control") == "no-store"
        for name in ("server", "etag", "last-modified", "content-disposition", "set-cookie", "access-control-allow-origin"):  # fmt: skip
            assert answer.header(name) is None, (path, name)


# --- people who withdraw


def test_who_withdraws_is_not_shown_any_more(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    gone: set[str] = set()
    with serving(study, lambda samples: frozenset(gone) & samples) as served:
        link = served.agreed()
        places = served.store.places(served.store.raters()[0][0], served.current.study().study)
        samples = dict(zip(study.pairs["pair_id"], study.pairs["sample_id"], strict=True))
        shows = {p.place: samples[p.pair_id] for p in places}
        gone.add("walker01")
        for place, sample in shows.items():
            expected = 410 if sample == "walker01" else 200
            for path in ("", "/left", "/right", "/person"):
                assert served.ask(f"{link}/pairs/{place}{path}").status == expected
            if expected == 410:
                assert served.vote(link, place, answer="unsure").status == 410
        listed = [pair["place"] for pair in served.ask(f"{link}/state").json()["pairs"]]
        assert listed == [place for place, sample in shows.items() if sample == "walker00"]
        other = served.agreed()
        assert len(served.ask(f"{other}/state").json()["pairs"]) == len(listed)


def test_a_study_that_is_drawn_anew_is_shown_without_a_restart(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    with serving(study) as served:
        link = served.agreed()
        first = len(served.ask(f"{link}/state").json()["pairs"])
        study.draw(pairs=2, repeats=0, swapped_repeats=0, attention=0)
        assert len(served.ask(f"{link}/state").json()["pairs"]) == 2 < first
        served.watch(link, 2)
        assert served.vote(link, 2).status == 200
        votes = votes_of(study)
        assert votes[0][2] in set(study.pairs["pair_id"])
