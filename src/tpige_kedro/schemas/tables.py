"""The tables that stages pass to each other, as pandera schemas; the catalog checks them on every load and save."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from tpige_kedro import further
from tpige_kedro.schemas import SAFE_ID

FURTHER = {name: pa.Column(str, coerce=True, required=False) for name in further.COLUMNS}


def text(
    *, checks: pa.Check | None = None, unique: bool = False, required: bool = True
) -> pa.Column:
    """A text column; empty tables have no type of their own, so it is coerced."""
    return pa.Column(str, checks, coerce=True, unique=unique, required=required)


def missing_values_have_reasons(table: pd.DataFrame) -> bool:
    """A metric is NaN where its reason says why, and nowhere else."""
    return all(
        (table[column.removesuffix("_reason")].isna() == table[column].notna()).all()
        for column in table.columns
        if column.endswith("_reason")
    )


SAMPLES = pa.DataFrameSchema(
    {
        "sample_id": text(),
        "person_id": text(),
        "prompt": text(),
        "reference": text(),
        "consent": text(required=False),
        "problem": text(required=False),
    },
    name="samples",
)

CHECKED_SAMPLES = pa.DataFrameSchema(
    {
        "sample_id": text(unique=True, checks=pa.Check.str_matches(SAFE_ID)),
        "person_id": text(checks=pa.Check.str_matches(SAFE_ID)),
        "prompt": text(checks=pa.Check.str_length(min_value=1)),
        "reference": text(checks=pa.Check.str_length(min_value=1)),
        "consent": text(checks=pa.Check.isin(["granted", "synthetic"])),
        "reference_hash": text(checks=pa.Check.str_length(min_value=1)),
        **FURTHER,
    },
    name="checked samples",
)

EVALUATED_SAMPLES = CHECKED_SAMPLES.update_column(  # scoring clips that exist needs no consent
    "consent", checks=pa.Check.isin(["granted", "synthetic", "absent"])
)

SAMPLE_ISSUES = pa.DataFrameSchema({"sample_id": text(), "problem": text()}, name="sample issues")

ENHANCED_PROMPTS = pa.DataFrameSchema(
    {
        "sample_id": text(unique=True),
        "person_id": text(),
        "prompt": text(),
        "enhanced_prompt": text(checks=pa.Check.str_length(min_value=1)),
        "clause": text(),
        "source": text(checks=pa.Check.isin(["model", "clause", "none"])),
        "note": text(),
        "flags": text(required=False),
    },
    name="enhanced prompts",
)

PROMPT_CHECKS = pa.DataFrameSchema(
    {
        "check": text(unique=True),
        **{
            name: pa.Column(int, checks=pa.Check.ge(0), coerce=True)
            for name in ("failures", "samples", "model_text", "fell_back")
        },
    },
    name="prompt checks",
)

REFERENCE_PROMPTS = pa.DataFrameSchema(
    {
        "sample_id": text(unique=True),
        "person_id": text(),
        "reference": text(),
        "reference_hash": text(),
        "reference_prompt": text(checks=pa.Check.str_length(min_value=1)),
        "source": text(checks=pa.Check.isin(["model", "rules"]), required=False),
    },
    name="reference prompts",
)

CLIP_PLAN = pa.DataFrameSchema(
    {
        "variant": text(),
        "sample_id": text(),
        "person_id": text(),
        "prompt": text(),
        "prompt_source": text(checks=pa.Check.isin(["original", "enhanced"])),
        "reference": text(),
        "reference_source": text(checks=pa.Check.isin(["original", "enhanced"])),
        "reference_hash": text(),
        "noise": text(checks=pa.Check.isin(["shared", "own"])),
        "seed": pa.Column(int, checks=pa.Check.ge(0), coerce=True),
        "problem": text(),
        **FURTHER,
    },
    unique=["variant", "sample_id"],
    name="clip plan",
)

VARIANT_STATUS = pa.DataFrameSchema(
    {
        "variant": text(unique=True),
        "status": text(checks=pa.Check.isin(["ready", "skipped"])),
        "reason": text(),
        "description": text(),
    },
    name="variant status",
)

SCORES = pa.DataFrameSchema(
    {
        "sample_id": text(),
        "variant": text(),
        "overall": pa.Column(float, nullable=True, coerce=True, required=False),
        r"^.*_reason$": pa.Column(object, nullable=True, regex=True, required=False, coerce=True),
    },
    checks=pa.Check(missing_values_have_reasons, name="missing values have reasons"),
    unique=["sample_id", "variant"],
    name="scores",
)

SET_SCORES = pa.DataFrameSchema(
    {
        "variant": text(unique=True),
        "n": pa.Column(int, checks=pa.Check.ge(1), coerce=True),
        r"^.*_reason$": pa.Column(object, nullable=True, regex=True, required=False, coerce=True),
    },
    checks=pa.Check(missing_values_have_reasons, name="missing values have reasons"),
    name="set scores",
)

SELECTION = pa.DataFrameSchema(
    {
        "sample_id": text(unique=True),
        "variant": pa.Column(object, nullable=True, coerce=True),
        "overall": pa.Column(float, nullable=True, coerce=True),
        "candidates": pa.Column(int, checks=pa.Check.ge(0), coerce=True),
        "reason": pa.Column(object, nullable=True, coerce=True),
    },
    checks=pa.Check(
        lambda table: (table["variant"].isna() == table["reason"].notna()).all(),
        name="samples without a chosen variant have a reason",
    ),
    name="selection",
)

VARIANT_SUMMARY = pa.DataFrameSchema(
    {
        "variant": text(),
        "metric": text(),
        "mean": pa.Column(float, nullable=True, coerce=True),
        "low": pa.Column(float, nullable=True, coerce=True),
        "high": pa.Column(float, nullable=True, coerce=True),
        "n": pa.Column(int, checks=pa.Check.ge(0), coerce=True),
    },
    unique=["variant", "metric"],
    name="variant summary",
)

VARIANT_DIFFERENCES = pa.DataFrameSchema(
    {
        "variant": text(),
        "against": text(),
        "metric": text(),
        "difference": pa.Column(float, nullable=True, coerce=True),
        "low": pa.Column(float, nullable=True, coerce=True),
        "high": pa.Column(float, nullable=True, coerce=True),
        "n": pa.Column(int, checks=pa.Check.ge(0), coerce=True),
        "p": pa.Column(float, checks=pa.Check.in_range(0, 1), nullable=True, coerce=True),
        "p_holm": pa.Column(float, checks=pa.Check.in_range(0, 1), nullable=True, coerce=True),
    },
    unique=["variant", "against", "metric"],
    name="variant differences",
)

WIN_SHARES = pa.DataFrameSchema(
    {
        "variant": text(unique=True),
        "wins": pa.Column(int, checks=pa.Check.ge(0), coerce=True),
        "share": pa.Column(float, checks=pa.Check.in_range(0, 1), coerce=True),
    },
    name="win shares",
)

STATISTICS = {
    "variant_summary": VARIANT_SUMMARY,
    "variant_differences": VARIANT_DIFFERENCES,
    "win_shares": WIN_SHARES,
}


def check_statistics(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables of the catalog's entry ``statistics``, each checked; raises pandera's ``SchemaError``."""
    return {name: STATISTICS[name].validate(table) for name, table in tables.items()}


SAMPLE_OVERVIEW = pa.DataFrameSchema(
    {
        "sample_id": text(unique=True),
        "person_id": text(),
        "prompt": text(),
        "enhanced_prompt": text(),
        "reference": text(),
        "reference_hash": text(),
        "enhanced_reference": text(),
        "variant": pa.Column(object, nullable=True, coerce=True),
        "overall": pa.Column(float, nullable=True, coerce=True),
        "reason": pa.Column(object, nullable=True, coerce=True),
    },
    name="sample overview",
)

FAILURES = pa.DataFrameSchema({"stage": text(), "item": text(), "problem": text()}, name="failures")

TRAINING_LOG = pa.DataFrameSchema(
    {
        "stage": text(),
        "metric": text(),
        "seconds": pa.Column(float, checks=pa.Check.ge(0), coerce=True),
        "step": pa.Column(int, checks=pa.Check.ge(0), coerce=True),
        "value": pa.Column(float, nullable=True, coerce=True),
    },
    name="training log",
)

STUDY_PAIRS = (
    pa.DataFrameSchema(  # what is shown side by side; `clip_a` … are names that say nothing
        {
            "pair_id": text(unique=True),
            "sample_id": text(),
            "variant_a": text(),
            "variant_b": text(),
            "kind": text(
                checks=pa.Check.isin(["comparison", "repeat", "swapped_repeat", "attention"])
            ),
            "repeats": text(),  # the pair_id of a comparison, or empty
            "damaged": text(checks=pa.Check.isin(["", "a", "b"])),  # of an attention pair
            "clip_a": text(),
            "clip_b": text(),
            "reference": text(),
        },
        name="study pairs",
    )
)

STUDY_VOTES = pa.DataFrameSchema(  # append-only; the last of a rater, pair and question counts
    {
        "vote_id": text(unique=True),
        "rater": text(),
        "pair_id": text(),
        "question": text(),
        "answer": text(
            checks=pa.Check.isin(["a", "b", "tie", "unsure"])
        ),  # of the pair, not of the page
        "left": text(checks=pa.Check.isin(["a", "b"])),  # which clip stood left
        "seconds": pa.Column(float, checks=pa.Check.ge(0), coerce=True),
        "voted_at": text(),  # UTC, ISO 8601
    },
    name="study votes",
)
