"""A study that was drawn from tiny clips: real mp4 files, real pictures, laid out as a run does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tpige_kedro.datasets import Clip, ItemFolder, ReferenceFolder, SampleFolder
from tpige_kedro.execution.work import Job, Outcome, Result, Work
from tpige_kedro.pipelines.study.datasets import StudyMaterial, StudyPairs
from tpige_kedro.pipelines.study.nodes import blind_clips, draw_pairs
from tpige_kedro.schemas import Study
from tpige_kedro.study.on_disk import FOLDER

VARIANTS = ("vace", "vace_pe", "phantom")
PROMPT = "A <b>chef</b> & \"{person}\" wave<script>document.title = 'run'</script>."


def tiny_clip(variant: str, sample: str, frames: int = 4) -> Clip:
    """A fifth of a second. The later a variant comes in the alphabet, the more there is to encode."""
    rng = np.random.default_rng([sum(map(ord, variant + sample)), len(variant)])
    pixels = np.full((frames, 32, 48, 3), 80, np.uint8)
    noise = 20 * (1 + sorted({*VARIANTS, variant}).index(variant))
    pixels[:, :, :24] += rng.integers(0, noise, (frames, 32, 24, 3), np.uint8)
    for i in range(frames):
        pixels[i, :, 4 * i : 4 * i + 4] = (240, 200, 40)
    return Clip(pixels, fps=20, title=f"{variant} of {sample}")


class DrawnStudy:
    """Samples, clips and a study of them below ``folder``."""

    def __init__(
        self,
        folder: Path,
        variants: Sequence[str] = VARIANTS,
        samples: int = 4,
        **settings: Any,
    ) -> None:
        self.folder, self.variants = folder, list(variants)
        self.samples_root, self.data_root = folder / "samples", folder / "data"
        self.settings = Study(**settings)
        self.ids = [f"walker{i:02}" for i in range(samples)]
        self.consents = dict.fromkeys(self.ids, "granted")
        self.write_samples(PROMPT)
        self.make_clips()

    @property
    def study_folder(self) -> Path:
        return self.data_root / FOLDER

    def write_samples(self, prompt: str = PROMPT) -> None:
        references = self.samples_root / "references"
        references.mkdir(parents=True, exist_ok=True)
        rows = []
        for i, sample in enumerate(self.consents):
            person = f"p-{sample}"
            file = references / f"{person}.png"
            if not file.exists():
                Image.new("RGB", (24, 24), (10 * i, 120, 200)).save(file)
            row = {"sample_id": sample, "person_id": person, "prompt": prompt}
            rows.append(row | {"reference": file.name, "consent": self.consents[sample]})
        pd.DataFrame(rows).to_csv(self.samples_root / "samples.csv", index=False)

    @property
    def clips(self) -> ItemFolder:
        path = str(self.data_root / "07_model_output" / "clips")
        return ItemFolder(path=path, suffix=".mp4", dataset="tpige_kedro.datasets.Mp4Dataset")

    def make_clips(self, **changed: Clip) -> None:
        """All clips; ``changed`` are other ones, by ``<variant>__<sample>``."""
        jobs = [
            Job(
                f"{variant}/{sample}",
                f"{variant}__{sample}" + ("changed" if f"{variant}__{sample}" in changed else ""),
                changed.get(f"{variant}__{sample}") or tiny_clip(variant, sample),
                people=(f"p-{sample}",),
            )
            for variant in self.variants
            for sample in self.consents
        ]

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            yield from ((job, Result(job.request)) for job in todo)

        self.clips.save(Work("clips", jobs, produce))

    @property
    def pairs(self) -> pd.DataFrame:
        return self._pairs().load()

    @property
    def material(self) -> StudyMaterial:
        return StudyMaterial(path=str(self.study_folder / "material"))

    def _pairs(self) -> StudyPairs:
        return StudyPairs(filepath=str(self.study_folder / "pairs.parquet"))

    def draw(self, seed: int = 0, **settings: Any) -> DrawnStudy:
        """What the pipeline's two nodes do."""
        self.settings = self.settings.model_copy(update=settings)
        samples = SampleFolder(path=str(self.samples_root)).load()
        references = ReferenceFolder(path=str(self.samples_root)).load()
        clips = self.clips.load()
        drawing, shown = draw_pairs(samples, references, clips, None, self.settings, seed)
        self._pairs().save(drawing)
        self.material.save(blind_clips(self.pairs, shown, references, clips, self.settings))
        return self

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Content and time of everything that the study has on the disk."""
        found = sorted(file for file in self.study_folder.rglob("*") if file.is_file())
        return {
            file.relative_to(self.study_folder).as_posix(): (
                file.read_bytes(),
                file.stat().st_mtime_ns,
            )
            for file in found
        }
