"""Makes the clips of a row of the ablation, hundreds at once, with the product's generators, editor and reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mini_pairs import Pairs
from tpige_kedro.image_editors.choice import Candidate, choose
from tpige_kedro.image_editors.protocol import Comparison, EditRequest
from tpige_kedro.mini.identity import MiniIdentity, sharpness
from tpige_kedro.mini.pictures import to_images
from tpige_kedro.models import load_model
from tpige_kedro.prompts.clause import compose_clause, insert_clause
from tpige_kedro.prompts.reference_prompt import reference_prompt
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.seeds import derive_seed
from tpige_kedro.video_generators.protocol import ClipRequest

TRAINED = ("vace", "phantom")  # folders that each training seed has of its own


@dataclass
class Inputs:
    """What prompt and reference enhancement leave of the pairs: enhanced prompts, and redrawn references."""

    prompts: list[str]
    pictures: list[Image.Image]

    def save(self, file: Path) -> None:
        torch.save(
            (self.prompts, torch.from_numpy(np.stack([np.asarray(p) for p in self.pictures]))), file
        )

    @classmethod
    def load(cls, file: Path) -> Inputs:
        prompts, pictures = torch.load(file, weights_only=True)
        return cls(prompts, [Image.fromarray(p.numpy()) for p in pictures])


class EncodedAtOnce:
    """In place of a generator's picture encoder: all references are encoded beforehand, in batches."""

    def __init__(self, encoder: Any, pictures: Sequence[Image.Image], batch: int) -> None:
        self.plain = encoder.plain
        images = to_images(np.stack([np.asarray(p) for p in pictures]))[:, :, None]
        latents = torch.cat([encoder.encode(part).cpu() for part in images.split(batch)])
        self._latents = {id(p): latent[None] for p, latent in zip(pictures, latents, strict=True)}

    def reference(self, picture: Image.Image) -> Tensor:
        return self._latents[id(picture)]


class ClipMaker:
    """The models of conf/base, those in ``TRAINED`` from the folder ``models``; ``seed`` is that of the noise."""

    def __init__(
        self, parameters: dict[str, Any], models: Path, batch: int, device: str, seed: int
    ) -> None:
        self.parameters, self.models, self.batch = parameters, models, batch
        self.device, self.seed = device, seed
        self._loaded: dict[str, Any] = {}

    def model(self, name: str) -> Any:
        """A model of the parameters, loaded once."""
        if name not in self._loaded:
            spec = ModelSpec(**self.parameters["models"][name])
            options: dict[str, Any] = {**spec.options, "device": self.device}
            if "steps" in options:
                options |= {"batch_size": self.batch, "dtype": "float32"}
            if "base" in options:
                options["base"] = str(self._folder(options["base"]))
            source = str(self._folder(str(spec.source)))
            self._loaded[name] = load_model(
                spec.model_copy(update={"options": options, "source": source})
            )
        return self._loaded[name]

    def _folder(self, source: str) -> Path:
        name = Path(source).name
        return self.models / name if name in TRAINED else Path(source)

    def enhance(self, pairs: Pairs) -> Inputs:
        """Prompt and reference enhancement as conf/base sets them."""
        options = self.parameters["prompt_enhancement"]
        reader = self.model(options["reader"])
        clauses = [
            compose_clause(reader.read_face(picture), options["minimum_confidence"])
            for picture in pairs.pictures
        ]
        prompts = [insert_clause(p, c) for p, c in zip(pairs.prompts, clauses, strict=True)]
        return Inputs(prompts, self._redraw(pairs, clauses))

    def _redraw(self, pairs: Pairs, clauses: list[str]) -> list[Image.Image]:
        options = self.parameters["reference_enhancement"]
        requests = [
            EditRequest(
                key,
                reference_prompt(prompt, clause, options["template"]),
                picture,
                derive_seed(self.seed, key, "reference", i),
            )
            for key, prompt, clause, picture in zip(
                pairs.ids, pairs.prompts, clauses, pairs.pictures, strict=True
            )
            for i in range(options["candidates"])
        ]
        drawn: dict[str, list[tuple[int, Image.Image]]] = {key: [] for key in pairs.ids}
        for request, picture in self.model(options["editor"]).edit(requests):
            if isinstance(picture, Exception):
                raise picture
            drawn[request.sample_id].append((request.seed, picture))
        compared = self._compare(pairs, [drawn[key] for key in pairs.ids])
        choices = [choose(candidates, options["minimum_similarity"]) for candidates in compared]
        return [
            c.best.picture if c.best else p for c, p in zip(choices, pairs.pictures, strict=True)
        ]

    def _compare(
        self, pairs: Pairs, drawn: list[list[tuple[int, Image.Image]]]
    ) -> list[list[Candidate]]:
        """The comparisons of the judge of redrawn references, all candidates in one batch."""
        judge: MiniIdentity = self.model(self.parameters["reference_enhancement"]["judge"])
        each = len(drawn[0])
        anchors = judge.find(pairs.references.to(judge.find.device))
        pixels = np.stack([np.asarray(picture) for row in drawn for _, picture in row])
        found = judge.find(to_images(pixels, judge.find.device))
        cosines = (anchors.arcface.repeat_interleave(each, 0) * found.arcface).sum(1).tolist()
        sharp, visible = sharpness(found.crops).tolist(), found.visible.tolist()
        comparisons = [
            Comparison(seen, cosine if seen else None, edge)
            for seen, cosine, edge in zip(visible, cosines, sharp, strict=True)
        ]
        return [
            [
                Candidate(seed, picture, comparisons[each * i + j])
                for j, (seed, picture) in enumerate(row)
            ]
            for i, row in enumerate(drawn)
        ]

    def encode(self, pairs: Pairs, inputs: Inputs) -> None:
        """Embed every prompt and encode every picture that the rows will need."""
        pictures = [*pairs.pictures, *inputs.pictures]
        vace, phantom = self.model("mini_vace"), self.model("mini_phantom")
        vace.text.prepare([vace.options.negative_prompt, *pairs.prompts, *inputs.prompts])
        phantom.text = vace.text  # the same encoder
        vace.pictures = phantom.pictures = EncodedAtOnce(vace.pictures, pictures, self.batch)

    def clips(self, variant: Variant, pairs: Pairs, inputs: Inputs, count: int) -> Iterator[Tensor]:
        """The clips of the first ``count`` pairs in batches (n, T, S, S, 3) uint8."""
        generator = self.model(variant.generator)
        generator.check(variant.guidance)
        prompts = inputs.prompts if variant.prompt == "enhanced" else pairs.prompts
        pictures = inputs.pictures if variant.reference == "enhanced" else pairs.pictures
        extra = ("draw", variant.draw) if variant.draw else ()
        requests = [
            ClipRequest(key, prompts[i], (pictures[i],), derive_seed(self.seed, key, *extra))
            for i, key in enumerate(pairs.ids[:count])
        ]
        for start in range(0, count, self.batch):
            part = requests[start : start + self.batch]
            conditions = [generator.conditions(request, variant.guidance) for request in part]
            guider = generator.guider(variant.guidance)
            videos, latents = generator.sample(part, conditions, variant.guidance, guider)
            if not torch.isfinite(latents).all():
                raise FloatingPointError(f"{variant}: latents are not finite")
            yield (torch.from_numpy(videos).to(self.device) * 255).round().byte()
