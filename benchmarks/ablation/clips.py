"""Makes the clips of a row of the ablation, hundreds at once, with the product's generators, editor and reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.modular_pipelines.wan.encoders import get_t5_prompt_embeds
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, UMT5EncoderModel

from benchmarks.ablation.mini_pairs import Pairs
from tpige_kedro.image_editors.choice import Candidate, choose
from tpige_kedro.image_editors.protocol import Comparison
from tpige_kedro.image_editors.vace_still import VaceStill
from tpige_kedro.mini.identity import MiniIdentity, sharpness
from tpige_kedro.mini.networks.attribute_reader import HEAD_MARGIN, HEAD_SIDE
from tpige_kedro.mini.networks.face_locator import crop_heads
from tpige_kedro.mini.pictures import to_images
from tpige_kedro.mini.reader import MiniFaceReader, describe
from tpige_kedro.models import load_model
from tpige_kedro.prompts.clause import compose_clause, insert_clause
from tpige_kedro.prompts.reference_prompt import reference_prompt
from tpige_kedro.schemas import Guidance, ModelSpec, Variant
from tpige_kedro.seeds import derive_seed, noise_seed
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


class EmbeddedAtOnce:
    """In place of a generator's text encoder: all prompts are embedded beforehand, in batches."""

    def __init__(
        self, source: Path, prompts: Sequence[str], length: int, batch: int, device: str
    ) -> None:
        encoder = UMT5EncoderModel.from_pretrained(
            source, subfolder="text_encoder", dtype=torch.float32
        ).to(device)
        tokenizer = AutoTokenizer.from_pretrained(source, subfolder="tokenizer")
        wanted = list(dict.fromkeys(prompts))
        self._embeddings: dict[str, Tensor] = {}
        with torch.inference_mode():
            for start in range(0, len(wanted), batch):
                part = wanted[start : start + batch]
                states = get_t5_prompt_embeds(
                    encoder, tokenizer, part, length, torch.device(device)
                )
                self._embeddings |= dict(zip(part, states[:, None], strict=True))

    def __getitem__(self, prompt: str) -> Tensor:
        return self._embeddings[prompt]


class EncodedAtOnce:
    """In place of a generator's picture encoder: all references are encoded beforehand, in batches."""

    def __init__(self, encoder: Any, pictures: Sequence[Image.Image], batch: int) -> None:
        self.plain = encoder.plain
        images = pictures_to_images(pictures)[:, :, None]
        latents = torch.cat([encoder.encode(part).cpu() for part in images.split(batch)])
        self._latents = {id(p): latent[None] for p, latent in zip(pictures, latents, strict=True)}

    def reference(self, picture: Image.Image) -> Tensor:
        return self._latents[id(picture)]


def pictures_to_images(pictures: Sequence[Image.Image], device: str = "cpu") -> Tensor:
    """Pictures of one size as (n, 3, 80, 80) in [-1, 1]."""
    return to_images(np.stack([np.asarray(picture) for picture in pictures]), device)


def with_clauses(prompts: Sequence[str], clauses: Sequence[str]) -> list[str]:
    """The enhanced prompts."""
    return [insert_clause(p, c) for p, c in zip(prompts, clauses, strict=True)]


class ClipMaker:
    """The models of conf/base, those in ``TRAINED`` from the folder ``models``; ``seed`` is that of the noise.

    On a GPU generators of clips are ``compiled``, which pays for thousands of clips.
    """

    def __init__(
        self,
        parameters: dict[str, Any],
        models: Path,
        batch: int,
        device: str,
        seed: int,
        compiled: bool = True,
    ) -> None:
        self.parameters, self.models, self.batch = parameters, models, batch
        self.device, self.seed = device, seed
        self.compiled = compiled and device == "cuda"
        self._loaded: dict[str, Any] = {}

    def model(self, name: str) -> Any:
        """A model of the parameters, loaded once."""
        if name not in self._loaded:
            spec = ModelSpec(**self.parameters["models"][name])
            options: dict[str, Any] = {**spec.options, "device": self.device}
            if "steps" in options:
                options = {"dtype": "float32", **options, "batch_size": self.batch}
                options["compile"] = self.compiled and options.get("num_frames", 1) > 1
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
        clauses = self.clauses(pairs)
        return Inputs(with_clauses(pairs.prompts, clauses), self._redraw(pairs, clauses))

    @torch.inference_mode()
    def clauses(self, pairs: Pairs) -> list[str]:
        """The facial clause of each reference."""
        options = self.parameters["prompt_enhancement"]
        reader: MiniFaceReader = self.model(options["reader"])
        images = pictures_to_images(pairs.pictures, self.device)
        heads = reader.locator(images)
        crops = crop_heads(images, heads, HEAD_SIDE, HEAD_MARGIN)
        logits = {name: values.cpu() for name, values in reader.attributes(crops).items()}
        faces = [
            describe({name: values[i : i + 1] for name, values in logits.items()})
            for i in range(len(images))
        ]
        return [compose_clause(face, options["minimum_confidence"]) for face in faces]

    def _redraw(self, pairs: Pairs, clauses: list[str]) -> list[Image.Image]:
        options = self.parameters["reference_enhancement"]
        editor: VaceStill = self.model(options["editor"])
        requests = [
            ClipRequest(
                key,
                reference_prompt(prompt, clause, options["template"]),
                (picture,),
                derive_seed(self.seed, key, "reference", i),
            )
            for key, prompt, clause, picture in zip(
                pairs.ids, pairs.prompts, clauses, pairs.pictures, strict=True
            )
            for i in range(options["candidates"])
        ]
        self._equip([editor.generator], [r.prompt for r in requests], pairs.pictures)
        made = torch.cat(list(self._sample(editor.generator, requests, editor.guidance)))
        drawn = [Image.fromarray(frames[0]) for frames in made.cpu().numpy()]
        choices = [
            choose(candidates, options["minimum_similarity"])
            for candidates in self._compare(pairs, requests, drawn)
        ]
        return [
            c.best.picture if c.best else p for c, p in zip(choices, pairs.pictures, strict=True)
        ]

    def _compare(
        self, pairs: Pairs, requests: list[ClipRequest], drawn: list[Image.Image]
    ) -> list[list[Candidate]]:
        """The candidates of each pair as the judge of redrawn references sees them, all in one batch."""
        judge: MiniIdentity = self.model(self.parameters["reference_enhancement"]["judge"])
        each = len(drawn) // len(pairs.ids)
        anchors = judge.find(pictures_to_images(pairs.pictures, self.device))
        found = judge.find(pictures_to_images(drawn, self.device))
        cosines = (anchors.arcface.repeat_interleave(each, 0) * found.arcface).sum(1).tolist()
        sharp, visible = sharpness(found.crops).tolist(), found.visible.tolist()
        candidates = [
            Candidate(request.seed, picture, Comparison(seen, cosine if seen else None, edge))
            for request, picture, seen, cosine, edge in zip(
                requests, drawn, visible, cosines, sharp, strict=True
            )
        ]
        return [candidates[i : i + each] for i in range(0, len(candidates), each)]

    def encode(
        self, pairs: Pairs, inputs: Inputs, names: Sequence[str] = ("mini_vace", "mini_phantom")
    ) -> None:
        """Embed every prompt and encode every picture that the rows of these generators will need."""
        generators = [self.model(name) for name in names]
        self._equip(
            generators, [*pairs.prompts, *inputs.prompts], [*pairs.pictures, *inputs.pictures]
        )

    def _equip(
        self, generators: list[Any], prompts: list[str], pictures: list[Image.Image]
    ) -> None:
        """Generators that share text encoder and VAE get everything embedded and encoded in one go."""
        first = generators[0]
        for generator in generators:  # small clips: whole batches are faster
            generator.pipeline.vae.disable_slicing()
        length, negative = first.options.max_sequence_length, first.options.negative_prompt
        text = EmbeddedAtOnce(
            self.models / "vace", [negative, *prompts], length, self.batch, self.device
        )
        encoder = EncodedAtOnce(first.pictures, pictures, self.batch)
        for generator in generators:
            generator.text, generator.pictures = text, encoder

    def clips(
        self, variant: Variant, pairs: Pairs, inputs: Inputs, count: int, row: str = ""
    ) -> Iterator[Tensor]:
        """The clips of the first ``count`` pairs in batches (n, T, S, S, 3) uint8; ``row`` names noise of its own."""
        prompts = inputs.prompts if variant.prompt == "enhanced" else pairs.prompts
        pictures = inputs.pictures if variant.reference == "enhanced" else pairs.pictures
        own = row if variant.noise == "own" else ""
        if variant.noise == "own" and not row:
            raise ValueError("noise of its own needs the name of the row")
        requests = [
            ClipRequest(
                key, prompts[i], (pictures[i],), noise_seed(self.seed, key, variant.draw, own)
            )
            for i, key in enumerate(pairs.ids[:count])
        ]
        return self._sample(self.model(variant.generator), requests, variant.guidance)

    def _sample(
        self, generator: Any, requests: list[ClipRequest], guidance: Guidance
    ) -> Iterator[Tensor]:
        generator.check(guidance)
        for start in range(0, len(requests), self.batch):
            part = requests[start : start + self.batch]
            conditions = [generator.conditions(request, guidance) for request in part]
            videos, latents = generator.sample(
                part, conditions, guidance, generator.guider(guidance)
            )
            if not torch.isfinite(latents).all():
                raise FloatingPointError(f"{guidance}: latents are not finite")
            yield (torch.from_numpy(videos).to(self.device) * 255).round().byte()
