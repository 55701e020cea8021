from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image, ImageChops
from pydantic import ValidationError

from tpige_kedro.datasets import CompletionIndex, PictureFolder, ResumablePartitionedDataset
from tpige_kedro.errors import NoFaceError
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.image_editors.protocol import Comparison, EditRequest
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.reference_enhancement import create_pipeline
from tpige_kedro.pipelines.reference_enhancement.nodes import write_reference_prompts
from tpige_kedro.schemas import ReferenceEnhancement
from tpige_kedro.tables import REFERENCE_PROMPTS

OPTIONS = ReferenceEnhancement(editor="editor", judge="judge", candidates=3)


class ShiftEditor:
    """Draws the reference brighter by a number from the seed; prompts of a thief fail, of a ghost kill the run."""

    calls: ClassVar[list[EditRequest]] = []
    kills: ClassVar[bool] = True

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image.Image | Exception]]:
        for request in sorted(requests, key=lambda r: ("ghost" in r.prompt, r.seed)):
            self.calls.append(request)
            if "ghost" in request.prompt and self.kills:
                raise KeyboardInterrupt
            if "thief" in request.prompt and ("master" in request.prompt or request.seed % 2):
                yield request, RuntimeError("the editor refused")
            else:
                shift = 1 + request.seed % 100
                shifted = Image.new("RGB", request.reference.size, (shift, shift, shift))
                yield request, ImageChops.add(request.reference, shifted)


class ShiftJudge:
    """The smaller the shift the more similar; a black original shows no face, a blue one never resembles anything."""

    def compare(self, original: Image.Image, candidate: Image.Image) -> Comparison:
        red, _, blue = original.getpixel((0, 0))
        if (red, blue) == (0, 0):
            raise NoFaceError("all black")
        shift = candidate.getpixel((0, 0))[1]
        return Comparison(True, 0.1 if blue else 1 - shift / 200, float(shift))


@pytest.fixture(autouse=True)
def _forget() -> None:
    release_models()
    ShiftEditor.calls.clear()


VARIANTS = {"vace_pe_ie": {"generator": "vace", "prompt": "enhanced", "reference": "enhanced"}}
MODELS = {
    "editor": {"type": f"{__name__}.ShiftEditor", "licence": "Apache-2.0"},
    "judge": {"type": f"{__name__}.ShiftJudge", "licence": "Apache-2.0"},
    "vace": {"type": "not.Loaded", "licence": "Apache-2.0"},
    "service": {"type": "not.Loaded", "licence": "terms", "needs": ["KEY_THAT_NOBODY_HAS"]},
}
COLOURS = {"ann": "red", "bob": "blue", "eve": "black"}


def run(
    root: Path,
    samples: dict[str, tuple[str, str]],
    variants: dict[str, Any] = VARIANTS,
    options: ReferenceEnhancement = OPTIONS,
    seed: int = 0,
) -> dict[str, Any]:
    """``samples``: person and prompt by sample; returns the loaded outputs."""
    (root / "references").mkdir(exist_ok=True)
    for person, colour in COLOURS.items():
        Image.new("RGB", (32, 32), colour).save(root / "references" / f"{person}.png")
    references = PictureFolder(path=str(root / "references"))
    pictures = references.load()
    rows = [
        {
            "sample_id": s,
            "person_id": p,
            "prompt": prompt,
            "reference": f"{p}.png",
            "clause": f"one like {p}",
        }
        for s, (p, prompt) in samples.items()
    ]
    table = pd.DataFrame(rows)
    table["reference_hash"] = [picture_hash(pictures[name]()) for name in table["reference"]]

    def folder(name: str, suffix: str, dataset: str) -> ResumablePartitionedDataset:
        return ResumablePartitionedDataset(
            path=str(root / name), dataset=dataset, filename_suffix=suffix
        )

    catalog = DataCatalog(
        {
            "checked_samples": MemoryDataset(table),
            "enhanced_prompts": MemoryDataset(table),
            "references": references,
            "completed_written_reference_prompts": CompletionIndex(path=str(root / "written")),
            "completed_enhanced_references": CompletionIndex(
                path=str(root / "enhanced_reference_records"),
                outputs={"path": str(root / "enhanced_references"), "filename_suffix": ".png"},
            ),
            "params:reference_enhancement": MemoryDataset(options),
            "params:models": MemoryDataset(MODELS),
            "params:variants": MemoryDataset(variants),
            "params:seed": MemoryDataset(seed),
            "enhanced_references": folder("enhanced_references", ".png", "pillow.ImageDataset"),
            "enhanced_reference_records": folder(
                "enhanced_reference_records", ".json", "json.JSONDataset"
            ),
            "failures_reference_enhancement": folder("failures", ".json", "json.JSONDataset"),
            "reference_prompts": MemoryDataset(),
        }
    )
    SequentialRunner().run(create_pipeline(), catalog)
    names = ("enhanced_references", "enhanced_reference_records", "failures_reference_enhancement")
    return {name: {k: v() for k, v in catalog.load(name).items()} for name in names}


SAMPLES = {
    "s1": ("ann", "A chef cooks."),
    "s2": ("bob", "A king waves."),
    "s3": ("eve", "A king waves."),
}


def test_the_best_of_three_candidates_is_kept(tmp_path: Path) -> None:
    made = run(tmp_path, SAMPLES)
    record = made["enhanced_reference_records"]["s1"]
    similarities = [c["similarity"] for c in record["candidates"]]
    assert len(set(similarities)) == 3
    assert record["chosen"] == "enhanced"
    assert record["similarity"] == max(similarities)
    assert record["reference_prompt"] == "A portrait photo of a chef, one like ann."
    picture = made["enhanced_references"]["s1"]
    assert (
        picture.getpixel((0, 0))[1] == 1 + record["seed"] % 100
    )  # the very picture of the chosen seed
    assert record["picture_hash"] == picture_hash(picture)
    assert record["editor"]["name"] == "editor"


def test_the_original_stays_where_no_candidate_is_good_enough(tmp_path: Path) -> None:
    made = run(tmp_path, SAMPLES)
    for sample, person, reason in (
        ("s2", "bob", "below minimum_similarity"),
        ("s3", "eve", "shows no face"),
    ):
        record = made["enhanced_reference_records"][sample]
        assert record["chosen"] == "original"
        assert reason in record["reason"]
        with Image.open(tmp_path / "references" / f"{person}.png") as original:
            assert (
                ImageChops.difference(made["enhanced_references"][sample], original).getbbox()
                is None
            )
        assert record["picture_hash"] == record["reference_hash"]


def test_seeds_differ_by_candidate_and_sample_and_repeat(tmp_path: Path) -> None:
    samples = {"s1": ("ann", "A chef cooks."), "s2": ("ann", "A chef cooks.")}
    run(tmp_path, samples)
    seeds = [request.seed for request in ShiftEditor.calls]
    assert len(set(seeds)) == 6
    ShiftEditor.calls.clear()
    (tmp_path / "again").mkdir()
    run(tmp_path / "again", samples)
    assert [request.seed for request in ShiftEditor.calls] == seeds


def test_only_what_changed_is_drawn_again(tmp_path: Path) -> None:
    first = run(tmp_path, SAMPLES)
    drawn = len(ShiftEditor.calls)
    again = run(tmp_path, SAMPLES)
    assert len(ShiftEditor.calls) == drawn
    assert again["enhanced_reference_records"] == first["enhanced_reference_records"]
    run(tmp_path, {**SAMPLES, "s2": ("bob", "A doctor waves.")})
    assert {request.sample_id for request in ShiftEditor.calls[drawn:]} == {"s2"}
    ShiftEditor.calls.clear()
    run(tmp_path, SAMPLES, seed=1)
    assert {request.sample_id for request in ShiftEditor.calls} == set(SAMPLES)


def test_a_killed_run_resumes_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = {**SAMPLES, "s4": ("ann", "A ghost hunter waits.")}
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, samples)
    done = {path.stem for path in (tmp_path / "enhanced_reference_records").iterdir()}
    assert done == {"s1", "s2", "s3"}
    ShiftEditor.calls.clear()
    monkeypatch.setattr(ShiftEditor, "kills", False)
    made = run(tmp_path, samples)
    assert {request.sample_id for request in ShiftEditor.calls} == {"s4"}
    assert set(made["enhanced_references"]) == set(samples)


def test_a_failing_candidate_or_sample_stops_no_other(tmp_path: Path) -> None:
    samples = {
        **SAMPLES,
        **{f"t{i}": ("ann", "A thief hunter waits.") for i in range(4)},
        "m": ("ann", "A master thief hunter waits."),
    }
    made = run(tmp_path, samples)
    failures = made["failures_reference_enhancement"]
    assert "m" in failures
    assert (
        "sample m: its reference could not be redrawn (the editor refused)"
        in failures["m"]["message"]
    )
    assert set(made["enhanced_references"]) == set(samples) - set(failures)
    partly = [r for r in made["enhanced_reference_records"].values() if r["errors"]]
    assert partly
    for record in partly:
        assert len(record["errors"]) + len(record["candidates"]) == 3


@pytest.mark.parametrize(
    "variants",
    [
        {"vace": {"generator": "vace"}},
        {"service_ie": {"generator": "service", "reference": "enhanced"}},  # skipped: no key
    ],
)
def test_nothing_is_drawn_when_no_variant_wants_it(
    tmp_path: Path, variants: dict[str, Any]
) -> None:
    made = run(tmp_path, SAMPLES, variants)
    assert made["enhanced_references"] == {}
    assert ShiftEditor.calls == []


def prompts(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"sample_id": f"s{i}", "prompt": p, "clause": c} for i, (p, c) in enumerate(rows)]
    )


def test_reference_prompts_follow_the_template() -> None:
    clause = "an elderly pale-skinned man with red hair"
    table = write_reference_prompts(
        prompts(
            ("A video of an astronaut waving a hand in outer space.", clause),
            ("Sunset over the sea.", ""),
        ),
        OPTIONS,
    )
    assert list(REFERENCE_PROMPTS.validate(table)["reference_prompt"]) == [
        f"A portrait photo of an astronaut, {clause}.",
        "A portrait photo of a person.",
    ]
    assert list(table["note"]) == ["", ""]


def test_a_reference_prompt_that_fails_its_checks_leaves_the_role_out() -> None:
    table = write_reference_prompts(prompts(("A camera operator films.", "an old man")), OPTIONS)
    assert table["reference_prompt"][0] == "A portrait photo of a person, an old man."
    assert "meta: camera" in table["note"][0]


@pytest.mark.parametrize("template", ["A photo.", "A photo of {role} in {place}.", "{clause}"])
def test_a_template_must_name_the_role_and_nothing_unknown(template: str) -> None:
    with pytest.raises(ValidationError, match="template"):
        ReferenceEnhancement(editor="editor", judge="judge", template=template)
