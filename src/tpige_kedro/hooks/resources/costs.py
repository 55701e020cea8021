"""What a run can cost at most, by the limits of the services that it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tpige_kedro.declarations import declared
from tpige_kedro.hooks.resources.servers import is_loopback
from tpige_kedro.options import options_model
from tpige_kedro.schemas import ModelSpec, Parameters


def costs(needed: Mapping[str, str], parameters: Parameters) -> Iterator[str]:
    """The limit of each service elsewhere that this run asks; servers on this machine cost nothing."""
    for name in needed:
        spec = parameters.models[name]
        if declared(spec.type, "paid", False):
            tasks, price = option_of(spec, "max_tasks"), option_of(spec, "clip_price")
            money = "" if price is None else f", {tasks * price:g} US dollars (clip_price)"
            yield f"{name} {tasks} paid tasks (max_tasks){money}"
        elif declared(spec.type, "service", False) and not is_loopback(
            str(spec.options.get("base_url", ""))
        ):
            yield f"{name} {_limit(spec)}"


def _limit(spec: ModelSpec) -> str:
    dollars, requests = option_of(spec, "max_dollars"), option_of(spec, "max_requests")
    priced = option_of(spec, "input_price") or option_of(spec, "output_price")
    limits = []
    if dollars is not None and priced:
        limits.append(f"{dollars:g} US dollars (max_dollars)")
    elif dollars is not None:
        limits.append("no limit: max_dollars counts nothing without input_price and output_price")
    if requests is not None:
        limits.append(f"{requests} requests (max_requests)")
    return ", ".join(limits) or "no limit set (options.max_dollars)"


def option_of(spec: ModelSpec, name: str) -> Any:
    """The value of an option, else its default; None if the class has none."""
    field = options_model(spec.type, spec.options).model_fields.get(name)
    return spec.options.get(name, field.default if field else None)
