"""``kedro plan-study``: how many raters and votes a blind study needs for intervals of a width, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tpige_kedro.console import echo

if TYPE_CHECKING:
    from tpige_kedro.study.planning import Assumed, Planned, Size

AT_LEAST_2 = click.IntRange(min=2)


@click.command(name="plan-study")
@click.option("--variants", type=AT_LEAST_2, default=6, show_default=True, help="That take part.")
@click.option("--samples", type=AT_LEAST_2, default=50, show_default=True, help="Of each variant.")
@click.option("--raters", type=AT_LEAST_2, default=20, show_default=True, help="People.")
@click.option(
    "--pairs-per-rater", type=click.IntRange(min=1), default=60, show_default=True,
    help="Comparisons that each is shown, without repeats and attention pairs.",
)  # fmt: skip
@click.option(
    "--difference", type=click.FloatRange(0, 1), default=0.1, show_default=True,
    help="Between the scores (shares) of the best variant and of each other one.",
)  # fmt: skip
@click.option(
    "--ties", type=click.FloatRange(0, 0.9), default=0.25, show_default=True,
    help="Share of ties between equally good clips.",
)  # fmt: skip
@click.option(
    "--spread", type=click.FloatRange(0, 5), default=0.5, show_default=True,
    help="How much raters' tastes, and samples, differ: 0 not at all, 1 much; a pilot tells.",
)  # fmt: skip
@click.option(
    "--half-width",
    type=click.FloatRange(0, 0.5),
    help="Say how many raters give intervals that narrow.",
)
@click.option("--seed", type=int, default=0, show_default=True)
def plan_study(
    variants: int, samples: int, raters: int, pairs_per_rater: int, difference: float, ties: float, spread: float,
    half_width: float | None, seed: int,
) -> None:  # fmt: skip
    """Say how wide the intervals of a study's scores will be, and how surely it shows a difference.

    Simulates studies with a quarter to four times as many raters as given. Reads no data and writes nothing.
    """
    from tpige_kedro.study.planning import Assumed, Size, plan_sizes

    size, assumed = (
        Size(variants, samples, raters, pairs_per_rater),
        Assumed(difference, ties, spread),
    )
    try:
        planned = plan_sizes(size, assumed, seed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--difference") from error
    echo(
        "\n".join(
            [*lines(size, assumed, planned), *(enough(planned, half_width) if half_width else ())]
        )
    )


def lines(size: Size, assumed: Assumed, planned: Sequence[Planned]) -> list[str]:
    """The plan as text: what was assumed, and a line per number of raters."""
    return [
        f"{size.variants} variants, {size.samples} samples, {size.pairs_per_rater} pairs per rater; one variant better than the others by "
        f"{assumed.difference:g}, {assumed.ties:.0%} ties between equals, spread {assumed.spread:g}",
        "",
        "raters    votes   score ± (95 %)   power",
        *(
            f"{p.size.raters:6}  {p.size.votes:7}   {p.half_width:14.3f}   {p.power:5.0%}"
            for p in planned
        ),
        "",
        "score: share of points, ½ is as good as the others; power: how often the difference would be seen at the 5 % level",
    ]


def enough(planned: Sequence[Planned], half_width: float) -> list[str]:
    """Says the smallest number of raters whose intervals are narrow enough."""
    found = next((p for p in planned if p.half_width <= half_width), None)
    if found is not None:
        return [
            f"± {half_width:g} needs about {found.size.raters} raters ({found.size.votes} votes)"
        ]
    return [
        f"± {half_width:g} is not reached with {planned[-1].size.raters} raters: take more samples or more pairs per rater"
    ]
