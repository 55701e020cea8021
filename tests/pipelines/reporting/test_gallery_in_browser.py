"""The gallery as a visitor meets it: in a real browser, opened from disk."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from gallery_site import COUNT, FACELESS, IDS, MISSING, VARIANTS, GallerySite, scores
from kedro.framework.startup import bootstrap_project
from PIL import Image
from pypdf import PdfReader

from browser import open_browser
from project import ROOT
from tpige_kedro.commands.export import export
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.gallery import collect_gallery
from tpige_kedro.schemas import Moe, Reporting

OUT = "08_reporting"
PAGE = 20
STEP = 0.05  # seconds that clips may be apart
A4 = 1032  # pixels of a printed line: A4 across, less two margins of 12 mm
Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    GallerySite(root).report(outputs=("report",))
    return root


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as found:
        yield found


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Visit]:
    """Opens a page of the site; at the end nothing may have failed or been asked of a server."""
    contexts: list[Any] = []
    problems: list[str] = []

    def open_page(
        name: str = "gallery.html", root: Path = site, fails: bool = False, **options: Any
    ) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or problems.append(r.url))
        if not fails:
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.on("dialog", lambda dialog: problems.append(f"a prompt was run as a script: {dialog}"))
        page.goto(f"file://{root / OUT / name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def shown(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "#grid article", "rows => rows.map(r => r.dataset.sample)"
    )
    return found


def until(page: Any, look: Callable[[], Any], expected: Any) -> bool:
    """Whether ``look`` says what is expected, now or soon: the page follows its address in an event of its own."""
    for _ in range(200):
        if look() == expected:
            return True
        page.wait_for_timeout(50)
    raise AssertionError(f"{look()}, not {expected}")


def shows(page: Any, expected: list[str]) -> bool:
    return until(page, lambda: shown(page), expected)


def values(metric: str) -> Any:
    return scores().pivot(index="sample_id", columns="variant", values=metric)


# --- what is shown


def test_it_shows_a_page_of_samples_with_all_variants(visit: Visit) -> None:
    page = visit()
    assert shows(page, IDS[:PAGE])
    assert page.text_content("#count") == f"{COUNT} samples"
    assert page.locator("#grid .cell").count() == PAGE * len(VARIANTS)
    assert page.locator("#grid .cell.chosen").count() == PAGE
    failed = page.locator(f"#sample-{MISSING[1]} .cell.failed")
    assert "no clip" in failed.text_content() and MISSING[0] in failed.text_content()
    first = page.locator("#sample-s00 .cell").first
    assert (
        float(first.locator("[data-metric=overall]").get_attribute("data-value"))
        == values("overall").loc["s00", "vace"]
    )
    page.click(".pager button[data-step='1'] >> nth=0")
    assert shows(page, IDS[PAGE:]) and "page=2" in page.url


def test_every_picture_has_a_text(visit: Visit) -> None:
    own = visit("samples/s00.html").eval_on_selector_all("img", "all => all.map(i => i.alt)")
    page = visit()
    page.wait_for_selector("canvas")
    drawn = page.eval_on_selector_all("canvas, button.shot", "all => all.map(i => i.ariaLabel)")
    assert own and drawn and all(own) and all(drawn)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("q=WELDER", [s for i, s in enumerate(IDS) if i % 4 == 1]),
        ("q=tall+king+p2", [s for i, s in enumerate(IDS) if i % 4 == 2 and i % 6 == 2]),
        ("tags=failed", [MISSING[1]]),
        ("tags=failed&hide=phantom", []),
        ("tags=hidden", [FACELESS[1]]),
        ("tags=hidden,failed", []),
        ("chosen=-", []),
        ("q=nobody+is+that", []),
    ],
)
def test_a_deep_link_filters(visit: Visit, state: str, expected: list[str]) -> None:
    page = visit(f"gallery.html#{state}")
    assert shows(page, expected)
    assert until(page, page.locator("#nothing").is_visible, not expected)


def test_the_controls_filter_and_the_address_says_so(visit: Visit) -> None:
    page = visit()
    page.fill("input[name=q]", "chef")
    assert shows(page, IDS[::4]) and "q=chef" in page.url
    page.uncheck("[data-show=phantom]")
    assert until(page, page.locator("#grid .cell[data-variant=phantom]").count, 0)
    page.select_option("select[name=chosen]", "vace")
    best = values("overall").idxmax(axis=1)
    assert shows(page, [s for i, s in enumerate(IDS) if i % 4 == 0 and best[s] == "vace"])
    again = visit(f"gallery.html#{page.url.partition('#')[2]}")
    assert shows(again, shown(page)) and again.input_value("input[name=q]") == "chef"
    page.click("#reset")
    assert shows(page, IDS[:PAGE]) and page.input_value("input[name=q]") == ""


@pytest.mark.parametrize(
    ("metric", "of", "minus", "worst"),
    [
        ("overall", "vace", "", ""),
        ("overall", "", "", "1"),
        ("face_feature_sqdist", "vace_pe", "", ""),  # lower is better
        ("face_feature_sqdist", "", "", ""),
        ("gme_score", "phantom", "vace", ""),  # one has no value: last
        ("face_feature_sqdist", "phantom", "vace", "1"),
    ],
)
def test_it_sorts_by_a_metric_or_a_difference(
    visit: Visit, metric: str, of: str, minus: str, worst: str
) -> None:
    table, is_lower = values(metric), metric == "face_feature_sqdist"
    best = table.min(axis=1) if is_lower else table.max(axis=1)
    key = table[of] if of else best
    key = key - table[minus] if minus else key
    ascending = is_lower != bool(worst)
    expected = key.sort_values(ascending=ascending, na_position="last").index.tolist()
    page = visit(f"gallery.html#sort={metric}&of={of}&minus={minus}&worst={worst}")
    assert shows(page, expected[:PAGE])
    assert (
        visit(f"gallery.html#sort={metric}&of={of}&minus={minus}&worst={worst}&page=2")
        and expected[PAGE:]
    )


def test_the_most_disputed_come_first(visit: Visit) -> None:
    parts = ("gme_score", "cur_score", "arc_score", "motion_smoothness", "imaging_quality")
    overall = values("overall")
    chosen = overall.idxmax(axis=1)
    against = dict.fromkeys(IDS, 0)
    for metric in (*parts, "face_feature_sqdist"):
        table = -values(metric) if metric == "face_feature_sqdist" else values(metric)
        for sample in IDS:
            against[sample] += table.loc[sample].max() > table.loc[sample, chosen[sample]]
    lead = {s: overall.loc[s].nlargest(2).iloc[0] - overall.loc[s].nlargest(2).iloc[1] for s in IDS}
    expected = sorted(IDS, key=lambda s: (-against[s], lead[s]))
    assert shown(visit("gallery.html#sort=disputed")) == expected[:PAGE]
    tagged = [s for s in IDS if against[s] >= 3]
    assert shown(visit("gallery.html#tags=disputed")) == tagged[:PAGE]


# --- clips


DRIFT = """async ([selector, ms]) => {
    let worst = 0, moved = 0, least = 99;
    const end = performance.now() + ms;
    while (performance.now() < end) {
        const videos = [...document.querySelectorAll(selector)].filter(v => v.duration > 1.8);
        const times = videos.map(v => v.currentTime);
        worst = Math.max(worst, Math.max(...times) - Math.min(...times));
        moved = Math.max(moved, Math.min(...times)); least = Math.min(least, ...times);
        await new Promise(done => setTimeout(done, 15));
    }
    return [worst, moved, least, document.querySelectorAll(selector).length];
}"""


def playing(page: Any, count: int) -> None:
    page.wait_for_function(
        "n => [...document.querySelectorAll('video')].filter(v => v.currentTime > 0 && v.readyState >= 2).length >= n",
        arg=count,
    )
    page.wait_for_timeout(250)  # they have just begun


def drift(page: Any, selector: str, milliseconds: int) -> tuple[float, float, float, int]:
    """The least of up to three measurements, as a machine that is busy elsewhere lets frames wait; a page out of step stays so."""
    found = []
    while len(found) < 3 and not (found and found[-1][0] <= STEP):
        found.append(tuple(page.evaluate(DRIFT, [selector, milliseconds])))
    return min(found)


def test_all_in_view_play_in_step(visit: Visit) -> None:
    page = visit()
    page.click("#play-view")
    playing(page, 5)
    worst, moved, least, count = drift(page, "video", 3500)
    assert count >= 5 and worst <= STEP, (
        "clips of one length show the same moment, also when they begin again"
    )
    assert moved > 1.5 and least < 0.3, "they play to their end, twice"
    page.click("#play-view")
    assert page.eval_on_selector_all("video", "all => all.every(v => v.paused)")


TIMES = """async (selector) => {
    const videos = [...document.querySelectorAll(selector)], found = [];
    for (let i = 0; i < 100; i++) { found.push(videos.map(v => v.currentTime)); await new Promise(r => setTimeout(r, 20)); }
    return found;
}"""


def test_a_shorter_clip_waits_for_the_others(visit: Visit) -> None:
    page = visit()
    page.click("#sample-s00 .play")
    playing(page, 3)
    for _ in range(3):  # a machine that is busy elsewhere lets frames wait
        times = page.evaluate(TIMES, "#sample-s00 video")
        late = [one for one in times if one[0] > 1.65]
        early = [one for one in times if 0.1 < one[0] < 1.4]
        waits = late and all(abs(one[2] - 1.5) < STEP for one in late)
        in_step = early and max(max(one) - min(one) for one in early) <= STEP
        if waits and in_step:
            break
    assert waits, "on its last frame"
    assert in_step


def test_what_leaves_the_view_gives_its_memory_back(visit: Visit) -> None:
    page = visit()
    page.click("#play-view")
    playing(page, 5)
    for _ in range(4):
        page.mouse.wheel(0, 1200)
        page.wait_for_timeout(150)
    page.wait_for_function("document.querySelector('#sample-s00 video') === null")
    assert 0 < page.locator("video").count() <= 7 * len(VARIANTS)


def test_a_sample_plays_in_step_and_leads_to_the_next_of_the_same_filter(visit: Visit) -> None:
    page = visit("gallery.html#q=chef&sort=overall&of=vace")
    order = shown(page)
    page.click(f"#sample-{order[1]} h2 a")
    page.wait_for_selector("#next:not([hidden])")
    assert page.text_content("#position") == f"2 of {len(order)}"
    page.click("#play")
    playing(page, 2)
    assert drift(page, ".shot video", 1500)[0] <= STEP
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/samples/{order[2]}.html*")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/samples/{order[1]}.html*")
    page.click("#to-gallery")
    page.wait_for_selector("#grid article")
    assert shows(page, order)


def test_the_page_of_a_sample_says_how_it_was_made(visit: Visit) -> None:
    page = visit("samples/s00.html")
    text = page.text_content("#made")
    assert "kedro run --pipelines=full --params=run_variants=vace_pe" in text and "seconds" in text
    assert (
        "number 0." in page.inner_text(".prompts") and page.inner_text(".prompts mark") == "tall, "
    )


def test_two_clips_are_compared_with_a_slider(visit: Visit) -> None:
    page = visit("gallery.html#compare=vace,vace_pe&q=s00")
    assert until(page, page.locator(".stage video").count, 2)
    page.click(".comparison button >> text=Play")
    playing(page, 2)
    assert drift(page, ".stage video", 1500)[0] <= STEP
    for value, clip in (("25", "inset(0px 75% 0px 0px)"), ("80", "inset(0px 20% 0px 0px)")):
        page.fill(".comparison input", value)
        assert page.eval_on_selector(".above", "v => getComputedStyle(v).clipPath") == clip
    page.click(".comparison button >> text=Toggle")
    assert page.input_value(".comparison input") == "0"
    difference = page.locator(".pair tbody tr").first.locator("td").last.text_content()
    expected = values("overall").loc["s00"]
    assert float(difference.replace("−", "-")) == pytest.approx(
        expected["vace"] - expected["vace_pe"], abs=6e-4
    )
    own = visit("samples/s00.html")
    own.keyboard.press("c")
    own.wait_for_selector(".stage video")


def test_the_keyboard_reaches_everything(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("/")
    page.keyboard.type("jpk")
    assert page.input_value("input[name=q]") == "jpk", "letters in the field are letters"
    assert shows(page, [])
    page.fill("input[name=q]", "")
    assert shows(page, IDS[:PAGE])
    page.locator("input[name=q]").blur()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.sample") == "s01"
    page.keyboard.press("p")
    playing(page, 3)
    assert (
        page.locator("#sample-s01 video").count() == 3
        and page.locator("#sample-s00 video").count() == 0
    )
    page.keyboard.press("n")
    assert shows(page, IDS[PAGE:])
    page.focus("#sample-s21 .shot >> nth=0")
    page.keyboard.press("Enter")
    playing(page, 1)


# --- where it is read


@pytest.mark.parametrize(
    "name", ["gallery.html", "gallery.html#compare=vace,vace_pe", "samples/s00.html", "report.html"]
)
def test_nothing_leaves_the_screen_of_a_phone(visit: Visit, name: str) -> None:
    page = visit(name, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    boxes = page.eval_on_selector_all(
        ".cell, article, figure, .facts > div, .comparison",
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])",
    )
    assert boxes and all(left >= 0 and right <= 360 for left, right in boxes)
    widths = page.eval_on_selector_all(
        ".shot", "all => all.map(e => e.getBoundingClientRect().width)"
    )
    assert all(width >= 120 for width in widths)


@pytest.mark.parametrize("name", ["gallery.html", "samples/s00.html", "report.html"])
def test_it_is_dark_where_the_visitor_wants_that(visit: Visit, name: str) -> None:
    def paper(scheme: str) -> int:
        page = visit(name, color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    assert paper("dark") < 120 and paper("light") > 600


def test_print_shows_overall_first_and_every_column(visit: Visit) -> None:
    page = visit("report.html", viewport={"width": A4, "height": 700}, color_scheme="dark")
    page.emulate_media(media="print")
    heads = page.locator("table.variants").first.locator("thead th").all_text_contents()
    assert [head.split()[0] for head in heads][:3] == ["Variant", "n", "Overall"]
    rights = page.eval_on_selector_all(
        "table td, table th", "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert max(rights) <= A4
    bar = page.locator(".bars i").first
    assert bar.bounding_box()["width"] >= 2
    assert bar.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"
    assert (
        page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 251, 249)"
    ), "paper is light"


def test_a_pdf_holds_overall_and_every_number_of_the_table(visit: Visit) -> None:
    page = visit("report.html", viewport={"width": A4, "height": 700})
    table = page.locator("table.variants").first
    heads = table.locator("thead th").all_inner_texts()
    numbers = set(re.findall(r"\d+\.\d+", table.locator("tbody").inner_text()))
    assert any("Overall" in head for head in heads) and len(numbers) > 20
    shown = ""
    for sheet in PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages:
        width, inside = float(sheet.mediabox.width), list[str]()

        def note(
            text: str, cm: Any, tm: Any, *font: Any, edge: float = width, to: Any = inside
        ) -> None:
            if 0 <= tm[4] * cm[0] + tm[5] * cm[2] + cm[4] < edge:
                to.append(text)

        sheet.extract_text(visitor_text=note)
        shown += "".join(inside)
    assert numbers <= set(re.findall(r"\d+\.\d+", shown))
    bare = re.sub(r"\s", "", shown)
    assert [head for head in heads if re.sub(r"\s", "", head) not in bare] == []


def axe_faults(page: Any) -> list[str]:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install 'tpige_kedro[test]'"
    )
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:150]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("gallery.html#q=king&compare=vace", "light"),
        ("gallery.html#q=king&compare=vace", "dark"),
        ("samples/s00.html", "light"),
        ("samples/s03.html", "dark"),
        ("report.html", "light"),
        ("report.html", "dark"),
    ],
)
def test_no_serious_fault_of_accessibility(visit: Visit, scheme: str, name: str) -> None:
    assert axe_faults(visit(name, color_scheme=scheme)) == []


def test_no_serious_fault_of_two_that_are_compared(visit: Visit) -> None:
    assert axe_faults(visit("gallery.html#q=s03&compare=vace,vace_pe&tags=failed")) == []


# --- unusual runs


def test_a_run_that_made_nothing_has_a_gallery_too(
    visit: Visit, site: Path, tmp_path: Path
) -> None:
    empty = pd.DataFrame(columns=["sample_id", "variant"])
    overview = pd.DataFrame(
        {"sample_id": ["s1"], "person_id": "p1", "prompt": "A chef.", "enhanced_prompt": ""}
    )
    overview = overview.assign(variant=None, reason="no clip")
    status = pd.DataFrame({"variant": ["vace"], "description": [""]})
    for name, samples in (("one", overview), ("none", overview.head(0))):
        folder = tmp_path / name / OUT
        folder.mkdir(parents=True)
        shutil.copy(site / OUT / "gallery.html", folder)
        data = collect_gallery(
            samples, DeclaredScores(empty, {}), {}, status, Moe(experts=("vace",)), Reporting()
        )
        (folder / "gallery_data.js").write_text(data)
        page = visit(root=tmp_path / name)
        assert shows(page, samples["sample_id"].tolist())
        assert until(page, page.locator("#nothing").is_visible, not len(samples))
        page.click("#play-view")


def test_long_names_stay_on_the_screen_and_shapes_are_kept(
    visit: Visit, site: Path, tmp_path: Path
) -> None:
    folder, long = tmp_path / OUT, "x" * 100
    shutil.copytree(site / OUT / "strips", folder / "strips")
    shutil.copy(site / OUT / "gallery.html", folder)
    text = (
        (site / OUT / "gallery_data.js")
        .read_text()
        .replace('"s00"', f'"{long}"')
        .replace("number 1.", long)
    )
    (folder / "gallery_data.js").write_text(text.replace('"vace_pe"', f'"{long}y"'))
    for square in folder.glob("strips/phantom/*.png"):
        Image.new("RGB", (4 * 40, 40)).save(square)
    page = visit(root=tmp_path, fails=True, viewport={"width": 360, "height": 740})
    page.locator("#sample-s01").scroll_into_view_if_needed()  # what is far below is not drawn yet
    page.wait_for_selector("#sample-s01 canvas")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    shapes = {}
    for name in ("vace", "phantom"):
        box = page.locator(f"#sample-s01 [data-variant={name}] .shot")
        box.locator("canvas").wait_for()
        shapes[name] = box.evaluate("e => e.clientWidth / e.clientHeight")
    assert shapes == pytest.approx({"vace": 64 / 48, "phantom": 1}, abs=0.02)


# --- moved and sent


def test_a_moved_report_says_that_its_clips_are_missing(
    visit: Visit, site: Path, tmp_path: Path
) -> None:
    shutil.copytree(site / OUT, tmp_path / OUT)
    for name in ("gallery.html", "samples/s00.html"):
        page = visit(name, root=tmp_path, fails=True)
        page.wait_for_selector("#moved:not([hidden])")
        assert "../07_model_output/clips/vace/s00.mp4" in page.inner_text("#moved")
    (tmp_path / OUT / "gallery_data.js").unlink()
    for name, note in (
        ("report.html", "#no-gallery"),
        ("gallery.html", "#no-data"),
        ("samples/s00.html", "#no-data"),
    ):
        page = visit(name, root=tmp_path, fails=True)
        page.wait_for_selector(f"{note}:not([hidden])")
    whole = visit("gallery.html")
    whole.wait_for_timeout(200)
    assert whole.locator(".warning:visible").count() == 0


def test_the_zip_opens_elsewhere(visit: Visit, site: Path, tmp_path: Path) -> None:
    bootstrap_project(ROOT)
    target = tmp_path / "results.zip"
    done = CliRunner().invoke(export, ["--data-root", str(site), "--to", str(target)])
    assert done.exit_code == 0, done.output
    zipfile.ZipFile(target).extractall(tmp_path / "else where")
    root = tmp_path / "else where" / "results"
    page = visit("../index.html", root=root)
    page.wait_for_url("**/report.html")
    page.click("a.open")
    page.wait_for_selector("#grid article")
    page.click("#sample-s00 .play")
    playing(page, 3)
    page.click("#sample-s00 h2 a")
    page.click("#play")
    playing(page, 3)
