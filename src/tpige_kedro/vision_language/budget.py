"""The limit on what one run may request from a paid service."""

from __future__ import annotations

from threading import Lock

from tpige_kedro.errors import BudgetError
from tpige_kedro.vision_language.usage import Usage, run_number


def price_problem(
    max_dollars: float | None, input_price: float | None, output_price: float | None
) -> str:
    """Why a limit on spending cannot hold, or the empty text.

    >>> price_problem(5.0, 0.1, 0.5), price_problem(None, None, None)
    ('', '')
    """
    prices = {"input_price": input_price, "output_price": output_price}
    missing = " and ".join(name for name, price in prices.items() if price is None)
    if not max_dollars or (not missing and any(prices.values())):
        return ""
    wrong = f"{missing} is not set" if missing else "both prices are 0"
    return (
        f"max_dollars: nothing can be counted against it, {wrong}; set input_price and output_price to the service's prices in US "
        "dollars per million tokens, or remove max_dollars"
    )


class Budget:
    """Counts requests and spending, and refuses the request that would go beyond.

    Args:
        max_requests: requests of one run, those that fail and are repeated included; None for no limit.
        max_dollars: spending of one run by the prices below; None for no limit. As many requests as are under way when the
            limit is reached are still finished.
        input_price: US dollars for a million tokens of questions; needed for ``max_dollars``.
        output_price: the same for answers.

    Raises:
        ValueError: there is a limit on spending and a price is missing.
    """

    def __init__(
        self,
        max_requests: int | None,
        max_dollars: float | None,
        input_price: float | None,
        output_price: float | None,
    ) -> None:
        if problem := price_problem(max_dollars, input_price, output_price):
            raise ValueError(problem)
        self.max_requests = max_requests
        self.max_dollars = max_dollars
        self.prices = ((input_price or 0.0) / 1e6, (output_price or 0.0) / 1e6)
        self.requests = 0
        self.dollars = 0.0
        self._run = run_number()
        self._lock = Lock()

    def take(self) -> None:
        """Count one request. Raises ``BudgetError`` if it would be one too many."""
        with self._lock:
            if self._run != run_number():
                self._run, self.requests, self.dollars = run_number(), 0, 0.0
            if self.max_requests is not None and self.requests >= self.max_requests:
                raise BudgetError(
                    f"not asked: max_requests ({self.max_requests}) of this run are used up; run again, or raise the limit"
                )
            if self.max_dollars is not None and self.dollars >= self.max_dollars:
                raise BudgetError(
                    f"not asked: max_dollars ({self.max_dollars:g}) of this run are spent; run again, or raise the limit"
                )
            self.requests += 1

    def spend(self, usage: Usage) -> None:
        """Count what an answer cost."""
        with self._lock:
            self.dollars += (
                usage.input_tokens * self.prices[0] + usage.output_tokens * self.prices[1]
            )
