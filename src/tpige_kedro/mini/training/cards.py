"""Model cards of the generators: what they are, how they were trained, and the numbers of that training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tpige_kedro.errors import ModelError
from tpige_kedro.mini.training.distilled import STEPS

VACE = """A stock `WanVACEPipeline` folder: `AutoencoderKLWan` (5.7 M parameters, 8 x 8 x 4 compression, 16 channels),
`UMT5EncoderModel` (1.1 M) with its tokenizer, `WanVACETransformer3DModel` (9.5 M, 12 layers of width 192, hints at 0, 4, 8) and
UniPC with flow shift 2. It makes 80 x 80 clips of 17 frames of drawn people; pass `max_sequence_length=64`, guidance scale 2."""
PHANTOM = """A Phantom-style `WanTransformer3DModel` (2.3 M parameters, 8 layers of width 128): the clean latent of the reference is
the last latent frame of every input. It uses autoencoder, text encoder, tokenizer and scheduler of the folder `vace`."""
FAST = """A LoRA of rank {rank} for the transformer of `vace`: 4 or 8 Euler steps without text guidance instead of 20 with it. In
`conf/base` it is what `mini_vace_fast` loads; as options of a generator: `loras`, `sampler: euler`, `steps: 4`, and text weight 0."""
HOW_FAST = """The teacher is `vace` with text weight {weight:g} (guidance scale {scale:g}) in {teacher} steps of second order; the student makes 4 or 8 Euler
steps from the same noise, and each of its states is pulled to the teacher's at that noise level, with gradients through all its steps. {clips}
references and captions of people drawn at random (others than those of the demo and of the benchmarks), {steps} steps of AdamW."""
HOW = """Everything was rendered: people drawn at random (others than those of the demo and of the benchmark), captions with
and without the facial clause. The transformers learn by flow matching; Muon steps the matrices, AdamW the rest."""
PSNR = {
    "psnr": "whole clips",
    "face_psnr": "faces",
    "fast_face_psnr": "faces in the fastest quarter of the frames",
}
FRONT = "---\nlicense: apache-2.0\n---\n"
CARD = (
    FRONT
    + """# {title}

{what}

It knows drawn people only; on photographs of real people its answers mean nothing.

**Training.** {how} Seed {seed}; code commit {commit}; trained on {device}. Weights are stored as float16.

**Measured while training:**

| measure | value |
|---|---|
{rows}

How good the clips are is measured by `benchmarks/ablation/run.py`; the table is in `docs/mini.md`.

Licence: Apache-2.0. No picture of a real person was used.
"""
)


def last_values(log: Path, stage: str) -> dict[str, Any]:
    """The last value of every number that a stage wrote to the log.

    Raises:
        ModelError: the log does not say that the stage was finished.
    """
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    mine = [event for event in events if event["stage"] == stage]
    if not any(event.get("event") == "done" for event in mine):
        raise ModelError(f"model cards: {log} has no finished stage {stage!r}; train it first")
    return {
        key: value
        for event in mine
        for key, value in event.items()
        if key not in ("stage", "event")
    }


def write_cards(work: Path, seed: int, commit: str, device: str) -> None:
    """Write ``README.md`` into ``vace``, ``phantom`` and ``vace_fast`` from the numbers of ``training.jsonl``."""
    log = work / "training.jsonl"
    stages = ("vae", "decoder", "vace", "phantom")
    vae, decoder, vace, phantom = (last_values(log, stage) for stage in stages)
    common = {"seed": seed, "commit": commit, "device": device}
    rows = {
        f"autoencoder: PSNR of {part}, dB (before the decoder was finetuned)": (
            f"{decoder[name]} ({decoder[name + '_before']})"
        )
        for name, part in PSNR.items()
    } | {
        "transformer: last flow-matching loss": vace["loss"],
        "seconds: rendering, autoencoder, encoding": vae["seconds"],
        "seconds: finetuning of the decoder": decoder["seconds"],
        "seconds: text encoder and transformer": vace["seconds"],
    }
    steps = (  # the autoencoder's log counts its steps from 0
        f"{vae['step'] + 1} steps of the autoencoder, {decoder['step'] + 1} more of its decoder, then {vace['step']} "
        "of text encoder and transformer."
    )
    _write(work / "vace", "Mini VACE", VACE, f"{steps} {HOW}", rows, common)
    rows = {"last flow-matching loss": phantom["loss"], "seconds": phantom["seconds"]}
    how = f"{phantom['step']} steps, the text encoder frozen. {HOW}"
    _write(work / "phantom", "Mini Phantom", PHANTOM, how, rows, common)
    write_fast_card(work, seed, commit, device)


def write_fast_card(work: Path, seed: int, commit: str, device: str) -> None:
    """Write ``README.md`` into ``vace_fast`` from ``training.jsonl``."""
    made = last_values(work / "training.jsonl", "distilled")
    how = HOW_FAST.format(
        clips=made["trajectories"],
        steps=made["step"],
        weight=made["text_weight"],
        scale=1 + made["text_weight"],
        teacher=made["teacher_steps"],
    )
    rows = {
        f"difference of the last latents to the teacher's in {steps} steps, share of their variance, clips not trained on "
        "(without the LoRA)": f"{made[f'error_{steps}']} ({made[f'error_{steps}_before']})"
        for steps in STEPS
    } | {"last loss": made["loss"], "seconds": made["seconds"]}
    common = {"seed": seed, "commit": commit, "device": device}
    what = FAST.format(rank=made["rank"])
    _write(work / "vace_fast", "Mini VACE in few steps", what, how, rows, common)


def _write(
    folder: Path, title: str, what: str, how: str, rows: dict[str, Any], common: dict[str, Any]
) -> None:
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    (folder / "README.md").write_text(
        CARD.format(title=title, what=what, how=how, rows=table, **common), encoding="utf-8"
    )
