"""The page as a rater meets it: in a real browser, with keys, a touch screen, a slow network and clips that do not play."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from drawn_study import DrawnStudy
from serving import Served, serving

from browser import open_browser
from tpige_kedro.study.votes_file import FILE

OPEN = "#questions button:not(:disabled)"
Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> DrawnStudy:
    folder = tmp_path_factory.mktemp("study")
    return DrawnStudy(folder, samples=2, break_after=3, pairs_per_rater=5).draw()


@pytest.fixture(scope="module")
def served(study: DrawnStudy) -> Iterator[Served]:
    with serving(study, real_time=True) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as found:
        yield found


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Visit]:
    """Opens a link as a rater; at the end nothing may have failed, or been asked of anybody else."""
    contexts: list[Any] = []
    problems: list[str] = []

    def open_page(
        link: str, agree: bool = True, fails: bool = False, context: Any = None, **options: Any
    ) -> Any:
        mine = context or browser.new_context(**options)
        contexts.append(mine)
        page = mine.new_page()
        page.on("request", lambda r: r.url.startswith((served.base, "blob:", "data:")) or problems.append(r.url))  # fmt: skip
        page.on("dialog", lambda dialog: problems.append(f"a prompt was run as a script: {dialog}"))
        if not fails:
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.goto(served.base + link)
        if agree:
            page.locator("#agree").click()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def votes_of(study: DrawnStudy, served: Served, link: str) -> list[tuple[str, str]]:
    from tpige_kedro.study.links import token_hash

    rater = served.store.rater(token_hash(link.rsplit("/", 1)[1]))
    assert rater is not None
    with sqlite3.connect(study.study_folder / FILE) as db:
        sql = "SELECT pair_id, answer FROM votes WHERE rater = ? ORDER BY rowid"
        return db.execute(sql, (rater[0],)).fetchall()


def ready(page: Any) -> None:
    page.locator(OPEN).first.wait_for()


WATCH = """selector => {
    const element = document.querySelector(selector), found = window.found = [];
    new MutationObserver(() => found.push(element.className + " " + element.textContent))
        .observe(element, { attributes: true, childList: true, characterData: true, subtree: true });
}"""


def watch(page: Any, selector: str) -> Callable[[], list[str]]:
    """What an element shows from now on, also for a moment that no question would meet."""
    page.evaluate(WATCH, selector)
    return lambda: page.evaluate("window.found")


def at(page: Any, place: int) -> None:
    page.wait_for_url(f"**#{place}")
    ready(page)


def test_consent_keys_break_end_and_resume(visit: Visit, served: Served, study: DrawnStudy) -> None:
    link = served.link()
    page = visit(link, agree=False)
    page.locator("#consent").wait_for()
    assert page.locator("#study").is_hidden()
    page.locator("#agree").click()
    ready(page)
    assert "<b>chef</b>" in page.locator("#prompt").inner_text() and page.title() != "run"
    for key, place in (("ArrowLeft", 2), ("t", 3)):
        page.keyboard.press(key)
        at(page, place)
    page.keyboard.press("u")
    page.locator("#pause").wait_for()
    assert "3 of 5" in page.locator("#pause-text").inner_text()
    page.locator("#go-on").click()
    at(page, 4)
    page.goto(served.base + link)  # the link again
    at(page, 4)
    page.keyboard.press("ArrowRight")
    at(page, 5)
    page.keyboard.press("ArrowRight")
    page.locator("#finished").wait_for()
    answers = [answer for _, answer in votes_of(study, served, link)]
    assert len(answers) == 5 and answers[1:3] == ["tie", "unsure"]
    page.goto(served.base + link)
    page.locator("#finished").wait_for()


def test_nothing_counts_before_both_have_played(
    visit: Visit, served: Served, study: DrawnStudy
) -> None:
    link = served.link()
    page = visit(link, agree=False)
    page.route("**/right", lambda route: None)  # which never comes
    page.locator("#agree").click()
    page.locator("#note").get_by_text("Loading the clips").wait_for()
    page.keyboard.press("ArrowLeft")
    assert page.locator(OPEN).count() == 0
    page.evaluate("document.querySelector('#questions button').click()")
    assert votes_of(study, served, link) == []


def test_both_play_in_step_and_again(visit: Visit, served: Served) -> None:
    page = visit(served.link())
    ready(page)
    watch(page, "#study")
    page.keyboard.press(" ")
    page.wait_for_function("found.some((state) => state.startsWith('playing'))")
    page.locator("#study:not(.playing)").wait_for()
    times = page.evaluate("['left', 'right'].map((id) => document.getElementById(id).currentTime)")
    assert times[0] == times[1] > 0


def test_back_button_previous_pair_and_another_answer(
    visit: Visit, served: Served, study: DrawnStudy
) -> None:
    link = served.link()
    page = visit(link)
    ready(page)
    page.keyboard.press("ArrowLeft")
    at(page, 2)
    page.go_back()
    at(page, 1)
    assert page.locator("#questions [data-answer=left]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    at(page, 2)
    page.locator("#previous").click()
    at(page, 1)
    assert page.locator("#questions [data-answer=right]").get_attribute("aria-pressed") == "true"
    page.locator("#next").click()
    at(page, 2)
    (first, one), (second, two) = votes_of(study, served, link)
    assert first == second and {one, two} == {"a", "b"}


def test_double_clicks_and_held_keys_are_one_vote(
    visit: Visit, served: Served, study: DrawnStudy
) -> None:
    link = served.link()
    page = visit(link)
    ready(page)
    page.locator("#questions [data-answer=left]").dblclick()
    at(page, 2)
    page.evaluate(
        "for (let i = 0; i < 20; i++) document.dispatchEvent(new KeyboardEvent('keydown', { key: 't', repeat: i > 0 }))"
    )
    at(page, 3)
    assert len(votes_of(study, served, link)) == 2


def test_two_tabs(visit: Visit, served: Served, study: DrawnStudy, browser: Any) -> None:
    link = served.link()
    context = browser.new_context()
    one = visit(link, context=context)
    ready(one)
    two = visit(link, agree=False, context=context)
    ready(two)
    one.bring_to_front()
    one.keyboard.press("ArrowLeft")
    at(one, 2)
    two.bring_to_front()
    two.keyboard.press("ArrowRight")
    at(two, 2)
    votes = votes_of(study, served, link)
    assert len(votes) == 2 and len({pair for pair, _ in votes}) == 1
    state = served.ask(f"{link}/state").json()
    assert [pair["done"] for pair in state["pairs"]] == [True, False, False, False, False]
    assert served.ask(f"{link}/pairs/1").json()["answers"] == {
        "overall": "right"
    }  # the last counts


def test_a_link_that_expires_while_it_is_open(visit: Visit, served: Served) -> None:
    page = visit(served.link(timedelta(seconds=-1)), agree=False, fails=True)
    page.get_by_text("This link has expired").wait_for()
    link = served.link()
    page = visit(link, fails=True)
    ready(page)
    with sqlite3.connect(served.current.study().folder / FILE) as db:
        db.execute("UPDATE raters SET expires_at = '2000' WHERE rowid = (SELECT max(rowid) FROM raters)")  # fmt: skip
    db.close()
    page.keyboard.press("ArrowLeft")
    page.locator("#sorry").get_by_text("This link has expired").wait_for()


def test_a_slow_network(visit: Visit, served: Served, study: DrawnStudy) -> None:
    link = served.link()
    page = visit(link, agree=False, fails=True)
    tuned = page.context.new_cdp_session(page)
    slow = {
        "offline": False,
        "latency": 60,
        "downloadThroughput": 25_000,
        "uploadThroughput": 25_000,
    }
    tuned.send("Network.emulateNetworkConditions", slow)
    notes = watch(page, "#note")
    page.locator("#agree").click()
    ready(page)
    assert any("Loading the clips" in note for note in notes())
    tuned.send("Network.emulateNetworkConditions", slow | {"offline": True})
    page.keyboard.press("ArrowLeft")
    page.locator("#note").get_by_text("is sent again").wait_for()
    assert votes_of(study, served, link) == []
    tuned.send("Network.emulateNetworkConditions", slow)
    page.wait_for_url("**#2")
    assert len(votes_of(study, served, link)) == 1


def test_a_clip_that_does_not_play_can_be_skipped(
    visit: Visit, served: Served, study: DrawnStudy
) -> None:
    link = served.link()
    page = visit(link, agree=False, fails=True)
    page.route("**/pairs/1/right", lambda route: route.fulfill(body=b"no clip", content_type="video/mp4"))  # fmt: skip
    page.locator("#agree").click()
    page.locator("#note").get_by_text("cannot be played").wait_for()
    page.get_by_role("button", name="Skip this pair").click()
    at(page, 2)
    ((_, answer),) = votes_of(study, served, link)
    assert answer == "unsure"


def test_a_clip_that_plays_at_the_second_try(visit: Visit, served: Served) -> None:
    page = visit(served.link(), agree=False, fails=True)
    page.route("**/pairs/1/left", lambda route: route.fulfill(body=b"", content_type="video/mp4"), times=1)  # fmt: skip
    page.locator("#agree").click()
    page.get_by_role("button", name="Try again").click()
    ready(page)


def test_a_pair_that_is_withdrawn_while_it_is_open(visit: Visit, served: Served) -> None:
    page = visit(served.link(), fails=True)
    ready(page)
    gone = {"status": 410, "json": {"problem": "removed"}}
    page.route("**/pairs/2", lambda route: route.fulfill(**gone))
    page.keyboard.press("ArrowLeft")
    page.locator("#note").get_by_text("not shown any more").wait_for()
    page.locator("#offers button").click()
    at(page, 3)
    assert page.locator("#count").inner_text() == "1 of 4"


def test_delete_my_answers(visit: Visit, served: Served, study: DrawnStudy) -> None:
    link = served.link()
    page = visit(link)
    ready(page)
    page.keyboard.press("ArrowLeft")
    at(page, 2)
    page.locator("#study .delete").click()
    page.locator("#keep").click()
    assert len(votes_of(study, served, link)) == 1
    page.locator("#study .delete").click()
    page.locator("#delete").click()
    page.get_by_text("Your answers are deleted").wait_for()
    assert votes_of(study, served, link) == []
    page.locator("#agree").click()
    at(page, 1)


def test_a_phone(visit: Visit, served: Served, study: DrawnStudy) -> None:
    link = served.link()
    page = visit(link, viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = [page.locator(f"#{side}").bounding_box() for side in ("left", "right")]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    for button in page.locator("#questions button").all():
        assert button.bounding_box()["height"] >= 44
    assert page.locator("#questions [data-answer=left]").bounding_box()["y"] < 640
    page.locator("#questions [data-answer=left]").tap()
    at(page, 2)
    assert len(votes_of(study, served, link)) == 1


def test_several_questions_in_another_language(browser: Any, tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=1, variants=("vace", "phantom"), questions=("likeness", "quality"), language="de")  # fmt: skip
    study.draw()
    with serving(study, real_time=True) as served:
        page = browser.new_page()
        page.goto(served.base + served.link())
        page.get_by_text("möchte teilnehmen").click()
        ready(page)
        page.keyboard.press("ArrowLeft")
        page.locator("fieldset.current[data-question=quality]").wait_for()
        ready(page)
        page.keyboard.press("t")
        at(page, 2)
        page.go_back()
        at(page, 1)
        assert page.locator("[aria-pressed=true]").all_inner_texts() == ["Links", "Gleich gut"]
        page.close()


def test_it_can_be_used_with_a_screen_reader(visit: Visit, served: Served) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme in ("light", "dark"):
        page = visit(served.link(), agree=False, color_scheme=scheme)
        page.locator("#agree").wait_for()
        for step in (lambda p: None, lambda p: (p.locator("#agree").click(), ready(p))):
            step(page)
            found = axe.run(page).response["violations"]
            assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == []
