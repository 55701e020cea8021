"""What services cost: tokens or clips times the prices that the configuration states. Unknown prices are reported, and never count as zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tpige_kedro.declarations import declared
from tpige_kedro.hooks.resources.costs import option_of
from tpige_kedro.hooks.resources.servers import is_loopback
from tpige_kedro.schemas import ModelSpec

NOT_STATED, NOT_MEASURED = "price not stated", "not measured"


@dataclass(frozen=True)
class Cost:
    """US dollars of a full run, or why they are not known; both empty for a server on this machine."""

    dollars: float | None = None
    unknown: str = ""


def is_paid(spec: ModelSpec) -> bool:
    """Whether the model is a service that is paid by the clip."""
    return bool(declared(spec.type, "paid", False))


def is_service(spec: ModelSpec) -> bool:
    """Whether the model answers over the network."""
    return is_paid(spec) or bool(declared(spec.type, "service", False))


def cost_of(spec: ModelSpec, usage: Mapping[str, float], factor: float, clips: float) -> Cost:
    """The cost of a full run.

    Args:
        spec: a service.
        usage: tokens that its stand-in counted in the rehearsal.
        factor: how many times as much a full run asks.
        clips: that a full run asks for, if it is paid by the clip.
    """
    if is_paid(spec):
        price = option_of(spec, "clip_price")
        return Cost(unknown=NOT_STATED) if price is None else Cost(clips * float(price))
    if is_loopback(str(option_of(spec, "base_url") or "")):
        return Cost()
    prices = {kind: option_of(spec, f"{kind}_price") for kind in ("input", "output")}
    if None in prices.values():
        return Cost(unknown=NOT_STATED)
    if not usage.get("answers"):
        return Cost(unknown=NOT_MEASURED)
    tokens = {kind: usage[f"{kind}_tokens"] for kind in prices}
    return Cost(factor * sum(tokens[kind] * float(prices[kind]) for kind in prices) / 1e6)


def limits_reached(
    spec: ModelSpec, cost: Cost, usage: Mapping[str, float], factor: float, clips: float
) -> Iterator[str]:
    """The limits of the service's entry that a full run would end at."""
    dollars, requests = option_of(spec, "max_dollars"), option_of(spec, "max_requests")
    tasks = option_of(spec, "max_tasks") if is_paid(spec) else None
    if dollars is not None and cost.dollars is not None and cost.dollars > dollars:
        yield f"more than max_dollars ({dollars:g}), at which a run ends: raise it"
    if requests is not None and factor * usage.get("requests", 0) > requests:
        yield f"more than max_requests ({requests}), at which a run ends: raise it"
    if tasks is not None and clips > tasks:
        yield f"max_tasks: a run asks for {tasks} of the {clips:,.0f} clips: raise it, or run again"
