"""Nothing that a browser receives tells which variant a clip is of, which pairs test the rater, and which repeat."""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_study import VARIANTS, DrawnStudy
from serving import Answer, Served, serving

from browser import open_browser
from tpige_kedro.study.links import token_hash
from tpige_kedro.study.page.asked import other

RATERS = 4
KINDS = ("comparison", "repeat", "swapped", "attention", "damaged")
ALPHA = 1e-3  # the draw and the lists are the same in every run: no luck is involved


@dataclass
class Seen:
    """A clip as it came, and what nobody should know: of what it is."""

    answer: Answer
    place: int
    side: str
    sample: str
    variant: str
    kind: str


class Study:
    """A served study of three variants whose files were of very different sizes, and all that four raters receive."""

    def __init__(self, drawn: DrawnStudy, served: Served) -> None:
        self.drawn, self.served = drawn, served
        self.clips: list[Seen] = []
        self.others: list[Answer] = []
        rows = {row.pair_id: row for row in drawn.pairs.itertuples()}
        for number in range(RATERS):
            code, token = f"r{number}", f"token {number}".replace(" ", "-")
            served.store.add_rater(code, token_hash(token), "2026", "")
            link = f"/r/{token}"
            served.post(f"{link}/agree")
            self.others += [served.ask(path) for path in (link, f"{link}/state", "/page.js", "/page.css")]  # fmt: skip
            for place in served.store.places(code, served.current.study().study):
                row = rows[place.pair_id]
                path = f"{link}/pairs/{place.place}"
                self.others += [served.ask(path), served.ask(f"{path}/person")]
                for side in ("left", "right"):
                    which = place.left if side == "left" else other(place.left)
                    variant = getattr(row, f"variant_{which}")
                    kind = "damaged" if row.damaged == which else row.kind
                    seen = Seen(served.ask(f"{path}/{side}"), place.place, side, row.sample_id, variant, kind)  # fmt: skip
                    self.clips.append(seen)

    @cached_property
    def forbidden(self) -> set[str]:
        """What tells who or what something is."""
        table = self.drawn.pairs.drop(columns=["kind", "damaged"])
        names = {str(v) for column in table for v in table[column] if len(str(v)) > 3}
        marks = {item.mark for item in self.drawn.clips.load().values()}
        people = {f"p-{sample}" for sample in self.drawn.ids}
        return names | marks | people | set(VARIANTS) | {str(self.drawn.folder), "recipe", ".mp4", ".jpg"}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    folder = tmp_path_factory.mktemp("study")
    drawn = DrawnStudy(folder, samples=5, repeats=0.2, swapped_repeats=0.2, attention=0.2, pairs_per_rater=None)  # fmt: skip
    drawn.draw()
    with serving(drawn) as served:
        yield Study(drawn, served)


def headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in answer.headers if name.lower() != "date")


def test_the_originals_would_have_told(study: Study) -> None:
    sizes = {v: np.mean([i.path.stat().st_size for k, i in study.drawn.clips.load().items() if k.startswith(f"{v}/")]) for v in VARIANTS}  # fmt: skip
    assert max(sizes.values()) > 1.2 * min(sizes.values())


def test_no_name_goes_out(study: Study) -> None:
    for answer in [*study.others, *(seen.answer for seen in study.clips)]:
        assert answer.status == 200
        text = answer.body.decode("latin-1") + str(answer.headers)
        for words in study.forbidden:
            assert words not in text, words
    for answer in study.others:
        if (
            b"{" in answer.body[:1]
        ):  # only the data: the words and the script of the page may say "repeat"
            assert not re.search("|".join(KINDS), re.sub(r'"words":.*', "", answer.body.decode()))


def test_the_headers_of_all_clips_of_a_sample_are_the_same(study: Study) -> None:
    found = defaultdict(set)
    for seen in study.clips:
        found[seen.sample].add(headers(seen.answer))
    assert all(len(each) == 1 for each in found.values())


def boxes(content: bytes) -> list[tuple[str, int]]:
    at, found = 0, []
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        found.append((kind.decode(), size))
        at += size
    return found


def test_the_boxes_of_all_clips_are_the_same_but_for_what_they_show(study: Study) -> None:
    kinds = {tuple(kind for kind, _ in boxes(seen.answer.body)) for seen in study.clips}
    assert len(kinds) == 1
    for sample in study.drawn.ids:
        mine = [seen.answer.body for seen in study.clips if seen.sample == sample]
        assert len({len(body) for body in mine}) == 1
        for box in ("ftyp", "uuid"):
            assert len({dict(boxes(body))[box] for body in mine}) == 1


def test_no_clip_comes_twice_as_the_same_bytes_unless_it_is_shown_in_other_pairs(
    study: Study,
) -> None:
    uses = defaultdict(set)
    for seen in study.clips:
        uses[seen.answer.body].add(
            (seen.sample, seen.variant, seen.kind == "comparison", seen.kind)
        )
    for found in uses.values():
        assert len(found) == 1  # a repeat is not the file of what it repeats, nor of a test


@pytest.mark.parametrize("label", ["variant", "kind"])
@pytest.mark.parametrize("feature", ["length", "headers", "side", "place"])
def test_no_value_predicts_the_variant_or_the_kind(study: Study, feature: str, label: str) -> None:
    """A permutation test within samples; the kind of pair must show in no value but the place, which repeats have late by design."""
    seen = study.clips
    if label == "kind":
        if feature == "place":
            seen = [s for s in seen if "repeat" not in s.kind]
        keep = {s.sample for s in seen}
        assert keep == set(study.drawn.ids)
    values = np.array([_value(s, feature) for s in seen], float)
    labels = np.array([getattr(s, label) for s in seen])
    samples = np.array([s.sample for s in seen])
    assert _p_value(values, labels, samples) > ALPHA


def _value(seen: Seen, feature: str) -> float:
    return {
        "length": float(seen.answer.header("content-length") or 0),
        "headers": float(len(seen.answer.headers)),
        "side": float(seen.side == "left"),
        "place": float(seen.place),
    }[feature]


def _p_value(values: Any, labels: Any, samples: Any, rounds: int = 2000) -> float:
    """How often labels that were shuffled within each sample explain as much of the values."""
    rng = np.random.default_rng(3)
    groups = [np.flatnonzero(samples == sample) for sample in np.unique(samples)]
    values = values.copy()
    for group in groups:
        values[group] -= values[group].mean()

    def explained(given: Any) -> float:
        return sum(values[given == name].sum() ** 2 / (given == name).sum() for name in np.unique(labels))  # fmt: skip

    observed = explained(labels)
    more = 0
    for _ in range(rounds):
        shuffled = labels.copy()
        for group in groups:
            shuffled[group] = rng.permutation(shuffled[group])
        more += explained(shuffled) >= observed - 1e-9
    return (more + 1) / (rounds + 1)


def test_the_test_itself_can_find_something(study: Study) -> None:
    leaky = np.array([float(VARIANTS.index(s.variant)) + 0.1 * (s.side == "left") for s in study.clips])  # fmt: skip
    labels = np.array([s.variant for s in study.clips])
    samples = np.array([s.sample for s in study.clips])
    assert _p_value(leaky, labels, samples) < ALPHA


def test_a_browser_learns_nothing_on_its_way_through(study: Study) -> None:
    link = study.served.link()
    with open_browser() as browser:
        page = browser.new_page()
        found: list[Any] = []
        page.on("response", lambda response: found.append(response) or None)
        page.goto(study.served.base + link)
        page.locator("#agree").click()
        for place in (2, 3):
            study.served.clock.now += 5
            page.locator("#questions button:not(:disabled)").first.click()
            page.wait_for_url(f"**#{place}")
        page.locator("#questions button:not(:disabled)").first.wait_for()
        texts = [page.content(), page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")]  # fmt: skip
        texts += [f"{r.url} {r.all_headers()}" for r in found]
        kept = [
            r for r in found if not r.url.startswith(("blob:", "data:")) and "/pairs/" not in r.url
        ]
        texts += [r.body().decode("latin-1") for r in kept]  # those of pairs were looked at above
        assert len(found) > 12
        for text in texts:
            for words in study.forbidden:
                assert words not in text, words


def test_names_on_the_disk_are_as_blind(study: Study, tmp_path: Path) -> None:
    folder = study.drawn.study_folder / "material"
    for file in folder.rglob("*"):
        assert not any(words in file.name for words in (*VARIANTS, *study.drawn.ids))
