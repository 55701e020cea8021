"""The stages of the training, in order. A stage that has written its mark is not run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import diffusers
import torch

from tpige_kedro.errors import ModelError
from tpige_kedro.mini.training.codec import LatentCodec
from tpige_kedro.mini.training.decoder import train_decoder
from tpige_kedro.mini.training.distilled import distil
from tpige_kedro.mini.training.latents import Latents, encode_pool
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.training.phantom import train_phantom
from tpige_kedro.mini.training.pool import render_pool
from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.training.vace import train_vace
from tpige_kedro.mini.training.vae import train_vae

RECIPE = "recipe.json"  # what the folder is trained with
MODEL_INDEX = {
    "_class_name": "WanVACEPipeline",
    "_diffusers_version": diffusers.__version__,
    "boundary_ratio": None,
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
    "transformer": ["diffusers", "WanVACETransformer3DModel"],
    "transformer_2": [None, None],
    "vae": ["diffusers", "AutoencoderKLWan"],
}


def latents_stage(work: Path, recipe: Recipe, device: torch.device, log: TrainingLog) -> None:
    """Render the training set, train the autoencoder (unless its checkpoint is there), encode everything."""
    pool = render_pool(recipe, device, seed=1000 + recipe.seed)
    log.write(event="rendered", clips=len(pool.clips), example=pool.captions[1])
    folder = work / "vace" / "vae"
    if not (folder / "config.json").exists():
        train_vae(pool, recipe, folder, log, device)
    encode_pool(pool, LatentCodec(folder, device)).save(work / "latents.pt")
    log.write(event="encoded")


def decoder_stage(work: Path, recipe: Recipe, device: torch.device, log: TrainingLog) -> None:
    """Finetune the decoder of the autoencoder on people of its own; latents stay what they were."""
    _need(work, "vace/vae/config.json", "vae")
    smaller = replace(recipe, clips=recipe.decoder_clips, stills=max(2, recipe.decoder_clips // 3))
    pool = render_pool(smaller, device, seed=2000 + recipe.seed)
    few = replace(recipe, clips=recipe.decoder_unseen, stills=2)
    unseen = render_pool(few, device, seed=3000 + recipe.seed)
    log.write(event="rendered", clips=len(pool.clips))
    train_decoder(pool, unseen, recipe, work / "vace" / "vae", log, device)


def vace_stage(work: Path, recipe: Recipe, device: torch.device, log: TrainingLog) -> None:
    """Train text encoder and VACE transformer and complete the pipeline folder."""
    train_vace(_load_latents(work, device), recipe, work / "vace", log)
    (work / "vace" / "model_index.json").write_text(json.dumps(MODEL_INDEX, indent=2) + "\n")


def phantom_stage(work: Path, recipe: Recipe, device: torch.device, log: TrainingLog) -> None:
    """Train the Phantom-style transformer."""
    _need(work, "vace/text_encoder/config.json", "vace")
    text_encoder = work / "vace" / "text_encoder"
    train_phantom(_load_latents(work, device), recipe, text_encoder, work / "phantom", log)


def distilled_stage(work: Path, recipe: Recipe, device: torch.device, log: TrainingLog) -> None:
    """Distil VACE into a LoRA for few steps."""
    _need(work, "vace/transformer/config.json", "vace")
    distil(work / "vace", recipe, work / "vace_fast", log, device)


def _load_latents(work: Path, device: torch.device) -> Latents:
    _need(work, "latents.pt", "vae")
    return Latents.load(work / "latents.pt", device)


def _need(work: Path, path: str, stage: str) -> None:
    if not (work / path).exists():
        raise ModelError(
            f"training of the mini models: {work / path} is missing; remove {work / stage}.done if it is "
            f"there and run the stage {stage!r} first"
        )


Stage = Callable[[Path, Recipe, torch.device, TrainingLog], None]
STAGES: dict[str, Stage] = {
    "vae": latents_stage,
    "decoder": decoder_stage,
    "vace": vace_stage,
    "phantom": phantom_stage,
    "distilled": distilled_stage,
}


def run_stage(name: str, work: Path, recipe: Recipe, device: torch.device) -> bool:
    """Run one stage unless its mark exists; True if it ran.

    Raises:
        ModelError: the folder was begun with another recipe, or lacks what an earlier stage makes.
    """
    _keep_to_the_recipe(work, recipe)
    mark = work / f"{name}.done"
    if mark.exists():
        return False
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    log = TrainingLog(work / "training.jsonl", name)
    STAGES[name](work, recipe, device, log)
    log.write(event="done")
    mark.touch()
    return True


def _keep_to_the_recipe(work: Path, recipe: Recipe) -> None:
    """A folder holds one training: what a smoke run left must not pass for the real one."""
    file, wanted = work / RECIPE, asdict(recipe)
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(wanted, indent=2) + "\n")
    begun = json.loads(file.read_text())
    changed = [
        f"{key} {begun.get(key)} -> {wanted.get(key)}"
        for key in {**begun, **wanted}
        if begun.get(key) != wanted.get(key)
    ]
    if changed:
        raise ModelError(
            f"training of the mini models: {work} was begun with another recipe ({', '.join(changed)}); choose another "
            "work folder, or empty this one"
        )
