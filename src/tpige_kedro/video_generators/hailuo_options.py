"""The options of Hailuo, apart from its client, so that they are checked without it."""

from __future__ import annotations

from tpige_kedro.option_types import Amount, Count, Seconds, Url
from tpige_kedro.schemas import Settings


class HailuoOptions(Settings):
    """``journal`` is the folder of the task ids; ``max_tasks`` bounds what one run may ask, and so pay, for.

    ``in_flight`` tasks run at a time; each is asked after ``poll_seconds`` and then ever less often. One that takes longer than
    ``timeout_seconds`` is left to the next run. ``prompt_optimizer`` lets the service rewrite the prompt.
    ``clip_price`` is what a task costs, in US dollars, for estimates; None: not known.
    """

    journal: str
    model: str = "S2V-01"
    base_url: Url = "https://api.minimax.io"
    prompt_optimizer: bool = False
    max_tasks: Count = 50
    clip_price: Amount | None = None
    in_flight: Count = 3
    poll_seconds: Seconds = 10.0
    timeout_seconds: Seconds = 1800.0
    backoff_seconds: Seconds = 1.0
