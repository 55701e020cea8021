import pandas as pd

from tpige_kedro.prompts.counts import count_checks, count_sources
from tpige_kedro.schemas.tables import PROMPT_CHECKS

TABLE = pd.DataFrame(
    [
        ("s1", "model", ""),
        ("s2", "model", "verbatim"),
        ("s3", "clause", "verbatim verbatim facial_only"),
        ("s4", "none", "service"),
    ],
    columns=["sample_id", "source", "flags"],
)


def test_what_fired_and_what_came_of_it() -> None:
    counted = PROMPT_CHECKS.validate(count_checks(TABLE)).set_index("check")
    assert counted.loc["verbatim"].tolist() == [3, 2, 1, 1]
    assert counted.loc["facial_only"].tolist() == [1, 1, 0, 1]
    assert counted.loc["service"].tolist() == [1, 1, 0, 1]
    assert len(counted) == 3
    assert count_sources(TABLE) == {"model": 2, "clause": 1, "none": 1}


def test_nothing_fired() -> None:
    assert len(PROMPT_CHECKS.validate(count_checks(TABLE.assign(flags="")))) == 0
    assert len(count_checks(TABLE.drop(columns="flags"))) == 0
    assert count_sources(TABLE[["sample_id"]]) == {}
