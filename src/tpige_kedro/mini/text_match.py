"""How much of what was asked a clip shows, by the verdict of the benchmark's judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tpige_kedro.errors import ModelError
from tpige_kedro.mini.judge import Verdict
from tpige_kedro.mini.networks.attribute_reader import NOT_SEEN


class Asked(NamedTuple):
    """What each clip should show, int64 (n,): role, setting, action, and facial attributes by name.

    An attribute that a head does not have, the hair colour of the bald, is ``NOT_SEEN`` and left out.
    """

    role: Tensor
    setting: Tensor
    action: Tensor
    attributes: dict[str, Tensor]


def text_match(verdict: Verdict, asked: Asked) -> Tensor:
    """Mean probability that role, setting, action and facial attributes are the asked ones, (n,) in [0, 1], higher is better.

    The four parts weigh the same; the last is :func:`attributes_shown`.

    Raises:
        ModelError: the judge read no attributes.
    """
    scene = [
        _at(verdict.role_p, asked.role),
        _at(verdict.setting_p, asked.setting),
        _at(verdict.action_p, asked.action),
    ]
    return torch.stack([*scene, attributes_shown(verdict, asked)]).mean(0)


def attributes_shown(verdict: Verdict, asked: Asked) -> Tensor:
    """Share of frames with a visible face times the probability of the asked value, mean over the attributes; (n,) in [0, 1].

    Raises:
        ModelError: the judge read no attributes.
    """
    shown = [_at(p, value.clamp(min=0)) for p, value in _attributes(verdict, asked)]
    return verdict.face_rate * _mean_of_asked(shown, asked)


def attributes_right(verdict: Verdict, asked: Asked) -> Tensor:
    """As :func:`attributes_shown`, with 1 in place of the probability where the asked value is the likeliest, else 0."""
    right = [(p.argmax(1) == value).float() for p, value in _attributes(verdict, asked)]
    return verdict.face_rate * _mean_of_asked(right, asked)


def all_right(verdict: Verdict, asked: Asked) -> Tensor:
    """1 where role, setting, action and every facial attribute of a clip are the asked ones, else 0: a match that can fail; (n,).

    Each counts by the likeliest value; a clip without a visible face is 0. Rendered clips reach about .5, since the judge misreads
    an attribute of some.
    """
    scene = [
        verdict.role == asked.role,
        verdict.setting == asked.setting,
        verdict.action == asked.action,
    ]
    faces = [
        (p.argmax(1) == value) | (value == NOT_SEEN) for p, value in _attributes(verdict, asked)
    ]
    return (torch.stack([*scene, *faces]).all(0) & (verdict.face_rate > 0)).float()


def attributes_right_when_seen(verdict: Verdict, asked: Asked) -> Tensor:
    """As :func:`attributes_right` without the factor of frames with a visible face; NaN where there is none."""
    return attributes_right(verdict, asked) / verdict.face_rate


def _attributes(verdict: Verdict, asked: Asked) -> Iterator[tuple[Tensor, Tensor]]:
    if not verdict.attributes:
        raise ModelError(
            "the judge read no facial attributes; give MiniJudge its network, attributes='data/06_models/mini/judge_attributes'"
        )
    return ((verdict.attributes[name], value) for name, value in asked.attributes.items())


def _mean_of_asked(values: list[Tensor], asked: Asked) -> Tensor:
    known = torch.stack([value != NOT_SEEN for value in asked.attributes.values()])
    return (torch.stack(values) * known).sum(0) / known.sum(0)


def _at(probabilities: Tensor, value: Tensor) -> Tensor:
    return probabilities.gather(1, value[:, None])[:, 0]
