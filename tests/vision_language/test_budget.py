"""What one run may ask and spend: exactly at each limit, afresh in each run, and never with a limit that counts nothing."""

from __future__ import annotations

import pytest

from tpige_kedro.errors import BudgetError
from tpige_kedro.vision_language.budget import Budget, price_problem
from tpige_kedro.vision_language.usage import Usage, reset_usage


def test_as_many_requests_as_are_allowed_in_each_run() -> None:
    budget = Budget(2, None, None, None)
    for _ in range(2):
        budget.take()
        budget.take()
        with pytest.raises(BudgetError, match=r"max_requests \(2\)"):
            budget.take()
        reset_usage()


def test_questions_and_answers_have_their_own_prices_and_each_run_its_own_dollars() -> None:
    budget = Budget(None, 3.0, 1.0, 10.0)  # dollars a million tokens
    for _ in range(2):
        budget.take()
        budget.spend(Usage(1, 1, input_tokens=1_000_000, output_tokens=100_000))
        assert budget.dollars == pytest.approx(2.0)
        budget.take()
        budget.spend(Usage(1, 1, input_tokens=1_000_000))
        with pytest.raises(BudgetError, match=r"max_dollars \(3\)"):
            budget.take()  # just spent
        reset_usage()


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ((0.1, 0.5), ""),
        ((0.0, 0.5), ""),
        ((0.1, 0.0), ""),
        ((0.0, 0.0), "both prices are 0"),
        ((None, 0.5), "input_price is not set"),
        ((0.1, None), "output_price is not set"),
        ((None, None), "input_price and output_price is not set"),
    ],
)
def test_a_limit_that_counts_nothing_is_refused(
    prices: tuple[float | None, float | None], problem: str
) -> None:
    assert price_problem(None, *prices) == ""
    found = price_problem(5.0, *prices)
    assert problem in found and bool(found) is bool(problem)
    if problem:
        with pytest.raises(ValueError, match="max_dollars"):
            Budget(None, 5.0, *prices)
