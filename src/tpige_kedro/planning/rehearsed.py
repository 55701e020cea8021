"""What a rehearsal says about an item: the rows of the JSON file that ``kedro rehearse --to`` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tpige_kedro.errors import TpigeError
from tpige_kedro.planning.left import Part
from tpige_kedro.planning.seconds import Seconds
from tpige_kedro.rehearsal.estimate import Row
from tpige_kedro.rehearsal.prices import NOT_MEASURED, Cost
from tpige_kedro.schemas import Parameters


@dataclass(frozen=True)
class Rehearsed:
    """The rows of a rehearsal of ``samples`` samples, and the device that they were measured on."""

    rows: Sequence[Row]
    device: str
    samples: float

    @classmethod
    def read(cls, file: Path, env: str | None) -> Rehearsed:
        """Read ``file``. Raises :class:`TpigeError` if it is no rehearsal, or one that says nothing about ``env``."""
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            rows = [Row(**row) for row in content["rows"]]
            found = cls(rows, str(content["device"]), float(content["totals"]["samples"]))
            of, scale = content["environment"], content["scale"]
        except OSError as error:
            raise TpigeError(f"--rehearsal {file}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise TpigeError(
                f"--rehearsal {file} is not what `kedro rehearse --to` of this version writes ({error}); name its .json file, or "
                "rehearse again"
            ) from error
        if of != (env or "base"):
            raise TpigeError(
                f"--rehearsal {file} is of the environment {of}, not of {env or 'base'}; rehearse that one"
            )
        if scale == "tiny" and any(row.built_gb for row in rows):
            raise TpigeError(
                f"--rehearsal {file} is of tiny networks (--scale tiny): it says nothing about full size; rehearse without --scale"
            )
        return found

    def seconds(self, part: Part, parameters: Parameters) -> Seconds:
        """Seconds an item; those of a service were a stand-in's, and are not known."""
        rows = self.rows_of(part, parameters)
        known = [(row, row.full_item) for row in rows if row.full_item is not None]
        if not known:
            return Seconds()
        value = sum(seconds * calls(part, row, parameters) for row, seconds in known)
        missing = len(known) < len(rows) or self._lacks_scorers(part, rows, parameters)
        return Seconds(value, f"rehearsal ({self.device})", missing)

    def loading(self, part: Part, parameters: Parameters) -> float:
        """Seconds for which the models load; the rehearsal notes them in one of the rows of a model."""
        mine = {(row.stage, row.model) for row in self.rows_of(part, parameters)}
        return sum(row.loading or 0.0 for row in self.rows if (row.stage, row.model) in mine)

    def rows_of(self, part: Part, parameters: Parameters) -> list[Row]:
        """The rows about what makes the items of a part."""
        writer = parameters.reference_enhancement.writer
        is_about: Mapping[str, Callable[[Row], Any]] = {
            "face_attributes": lambda row: row.what.endswith(".read_face"),
            "rewritten_prompts": lambda row: (
                row.stage == "prompt_enhancement" and row.what.endswith(".rewrite_prompt")
            ),
            "written_reference_prompts": lambda row: (
                row.stage == "reference_enhancement" and row.model == writer
            ),
            "enhanced_references": lambda row: (
                row.stage == "reference_enhancement" and row.model and row.model != writer
            ),
            "clips": lambda row: row.stage.startswith("generation of ") and row.what == part.group,
            "clip_scores": lambda row: row.stage == "scoring" and row.model,
        }
        chosen = is_about.get(part.dataset)
        return [] if chosen is None else [row for row in self.rows if chosen(row)]

    def dollars(self, part: Part, model: str, parameters: Parameters) -> Cost:
        """What the items that are left cost, if each call of a service costs the same within a stage.

        A rehearsal says what all calls of a model in a stage cost for its samples.
        """
        mine = [row for row in self.rows_of(part, parameters) if row.model == model]
        if not mine:
            return Cost(unknown=NOT_MEASURED)
        alike = [row for row in self.rows if (row.stage, row.model) == (mine[0].stage, model)]
        if unknown := next((row.cost_unknown for row in alike if row.cost_unknown), ""):
            return Cost(unknown=unknown)
        if all(row.dollars is None for row in alike):
            return Cost(unknown=NOT_MEASURED)
        calls = sum(row.items_per_sample for row in mine) * len(part.left)
        every_call = sum(row.items_per_sample for row in alike) * self.samples
        return Cost(sum(row.dollars or 0.0 for row in alike) * calls / every_call)

    @staticmethod
    def _lacks_scorers(part: Part, rows: Sequence[Row], parameters: Parameters) -> bool:
        scorers = set(parameters.scoring.scorers) if part.dataset == "clip_scores" else set()
        return bool(scorers - {row.model for row in rows})


def calls(part: Part, row: Row, parameters: Parameters) -> float:
    """How often a model is called for an item: a picture has candidates; language models are asked again if they answer badly."""
    if part.dataset == "enhanced_references":
        return float(parameters.reference_enhancement.candidates)
    asked_again = part.dataset in ("rewritten_prompts", "written_reference_prompts")
    return row.items_per_sample if asked_again else 1.0
