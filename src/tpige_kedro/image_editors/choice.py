"""Picks the best of several redrawn references, or the original if none is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from PIL.Image import Image

from tpige_kedro.image_editors.protocol import Comparison, ReferenceJudge

SAME_SIMILARITY = (
    0.01  # cosines closer than this do not tell two pictures apart: the sharper one wins
)


@dataclass(frozen=True)
class Candidate:
    """One redrawn picture, how it was drawn, and how it compares with the original."""

    seed: int
    picture: Image
    comparison: Comparison

    def rank(self) -> tuple[bool, int, float]:
        """Face visible, then similarity (in steps of 0.01), then sharpness."""
        seen = self.comparison
        similarity = -1.0 if seen.similarity is None else seen.similarity
        return seen.face_visible, round(similarity / SAME_SIMILARITY), seen.sharpness


@dataclass(frozen=True)
class Choice:
    """The best candidate, or None (the original stays) and the reason."""

    best: Candidate | None
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()

    def describe(self) -> dict[str, Any]:
        """For the record, in JSON types."""
        return {
            "chosen": "enhanced" if self.best else "original",
            "reason": self.reason,
            "seed": self.best.seed if self.best else None,
            "similarity": self.best.comparison.similarity if self.best else None,
            "candidates": [{"seed": c.seed, **asdict(c.comparison)} for c in self.candidates],
        }


def judge_candidates(
    judge: ReferenceJudge, original: Image, pictures: Sequence[tuple[int, Image]]
) -> tuple[Candidate, ...]:
    """Compare every (seed, picture) with the original. Raises ``NoFaceError`` when the original shows no face."""
    return tuple(
        Candidate(seed, picture, judge.compare(original, picture)) for seed, picture in pictures
    )


def choose(candidates: Sequence[Candidate], minimum_similarity: float) -> Choice:
    """The best of at least one candidate, provided that it shows the face and reaches ``minimum_similarity``."""
    best = max(candidates, key=Candidate.rank)
    similarity = best.comparison.similarity
    reason = ""
    if not best.comparison.face_visible or similarity is None:
        reason = "no face is visible in any candidate"
    elif similarity < minimum_similarity:
        reason = f"the best similarity is {similarity:.3f}, below minimum_similarity {minimum_similarity}"
    return Choice(None if reason else best, reason, tuple(candidates))
