"""Sets of methods and of draws at equal compute: what they cost, who is searched where, and what noise of their own is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.ablation.clips import ClipMaker
from benchmarks.ablation.rows import load_rows, rows_to_make
from benchmarks.evidence.experts import (
    AGAINST,
    ALL,
    CHEAP,
    MORE,
    OWN,
    SECOND,
    SHARED,
    affordable,
    as_text,
    candidates,
    chosen,
    costs,
    experts,
    halves,
    search,
)
from benchmarks.evidence.records import Records, from_clips
from benchmarks.evidence.selection import DRAWS, EXPERTS

COUNT = 80
IDS = [f"{kind}{i:04d}" for kind in ("seen", "new") for i in range(COUNT // 2)]
EVERY = tuple(dict.fromkeys((*EXPERTS, *OWN, *MORE, *CHEAP, *DRAWS)))

SEARCHED = {
    f"searched{which}" for which in (", shared noise", ", noise of their own", " among all")
}


def records(own: float, rows: tuple[str, ...] = EVERY) -> Records:
    """All methods equally good; ``own`` is how much noise decides where it is a row's own. What all rows share decides as much."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, COUNT))
    parts = []
    for name in rows:
        alone = name in (*OWN, *MORE) or "draw" in name
        score = (own * rng.normal(size=(1, COUNT)) if alone else own * shared)[0]
        labels = {"seed": 0, "made_as": name, "sample_id": IDS, "slice": "people", "hides": False}
        parts.append(pd.DataFrame({**labels, "identity": 2 * score, "overall": score}))
    return from_clips(pd.concat(parts, ignore_index=True))


def test_halves_are_disjoint_and_hold_as_many_of_each_kind() -> None:
    first = halves(IDS)
    assert first.sum() == COUNT // 2
    kinds = pd.DataFrame(
        {"first": first, "slice": [i[:3] for i in IDS], "odd": np.arange(COUNT) % 2}
    )
    assert set(kinds.groupby(["slice", "odd"])["first"].mean()) == {0.5}


def test_noise_of_their_own_is_worth_as_much_as_draws_where_methods_are_equal() -> None:
    found = experts(records(own=1.0), 0).query("measure == 'overall'")
    for pairs in (SECOND, ALL):
        part = found[found["pairs"] == pairs]
        over = part[part["what"] == f"over {AGAINST}"].set_index("set")["value"]
        assert over[SHARED] < -0.5
        assert abs(over["MoE, noise of their own"]) < 0.35
        assert over["MoE, noise of their own"] > over[SHARED] + 0.5
        twins = part[part["what"] == "over MoE of conf/base, shared noise"].set_index("set")
        assert list(twins.index) == ["MoE of conf/base, noise of their own"]
        assert twins["low"].item() > 0 and twins["value"].item() > 0.5
        assert set(part.loc[part["searched"], "set"]) == (set() if pairs == ALL else SEARCHED)


def test_all_pairs_are_both_halves() -> None:
    made = records(own=1.0)
    found = experts(made, 0).query("measure == 'overall' and what == 'mean' and not searched")
    means = found.set_index(["pairs", "set"])["value"]
    for name in found["set"].unique():
        rows = next(c.rows for c in candidates(made) if c.name == name)
        best = np.stack([made.values[r][0, :, made.measures.index("overall")] for r in rows]).max(0)
        assert means[ALL, name] == pytest.approx(best.mean())
        assert means[SECOND, name] == pytest.approx(best[~halves(made.samples)].mean())


def test_without_noise_no_set_is_better() -> None:
    found = experts(records(own=0.0), 0)
    assert np.allclose(found["value"], 0)


def test_no_set_costs_more_than_the_papers_experts() -> None:
    price = costs(EVERY)
    budget = sum(price[name] for name in EXPERTS)
    sets = candidates(records(own=1.0))
    assert {c.name for c in sets} >= {AGAINST, "MoE, noise of their own", "searched among all"}
    for each in sets:
        assert each.cost == pytest.approx(sum(price[r] for r in each.rows))
        assert each.cost <= budget + 1e-9
    assert len(affordable(CHEAP, price, budget)) == 5 and len(affordable(DRAWS, price, budget)) == 4


def test_the_search_sees_the_first_half_only() -> None:
    made = records(own=1.0)
    half, price = halves(made.samples), dict.fromkeys(EVERY, 1.0)
    found = search(made, CHEAP, price, 2.0, half)
    assert len(found) == 2
    for name in CHEAP:  # whatever the second half says
        made.values[name][:, ~half] += np.random.default_rng(len(name)).normal()
    assert search(made, CHEAP, price, 2.0, half) == found
    made.values["half_reuse_8_draw3"][:, half] += 10
    assert "half_reuse_8_draw3" in search(made, CHEAP, price, 2.0, half)


def test_the_chosen_clip_is_the_one_of_the_highest_overall_with_all_its_measures() -> None:
    made = records(own=1.0, rows=("vace_pe", "own_vace_pe"))
    found = chosen(made, ("vace_pe", "own_vace_pe"))
    at = made.measures.index("overall")
    cubes = np.stack([made.values["vace_pe"], made.values["own_vace_pe"]])
    assert np.array_equal(found[..., at], cubes[..., at].max(axis=0))
    assert np.allclose(found[..., made.measures.index("identity")], 2 * found[..., at])


def test_what_is_not_there_is_left_out() -> None:
    few = experts(records(own=1.0, rows=(*EXPERTS, *DRAWS[1:])), 0)
    assert "MoE, noise of their own" not in set(few["set"]) and "MoE, shared noise" in set(
        few["set"]
    )
    assert any("draws of vace_pe_ge" in line for line in as_text(few))
    assert as_text(experts(records(own=1.0, rows=("vae_only",)), 0)) == [
        "No set has all its clips."
    ]


def test_rows_with_noise_of_their_own_are_made_although_a_row_of_shared_noise_is_the_same() -> None:
    made = {row.name for row in rows_to_make(load_rows())}
    assert {*OWN, *MORE, *CHEAP[1:]} <= made
    by_name = {row.name: row.variant for row in load_rows()}
    for name in OWN:
        twin = by_name[name.removeprefix("own_")]
        assert by_name[name].model_copy(update={"noise": None}) == twin


def test_their_noise_depends_on_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: dict[str, list[int]] = {}

    class Pairs:
        ids, prompts, pictures = ["a", "b"], ["", ""], [None, None]

    maker = ClipMaker.__new__(ClipMaker)
    maker.seed = 0
    monkeypatch.setattr(maker, "model", lambda _: None, raising=False)
    monkeypatch.setattr(maker, "_sample", lambda _, requests, __: [r.seed for r in requests], raising=False)  # fmt: skip
    inputs = type("Inputs", (), {"prompts": ["", ""], "pictures": [None, None]})()
    for row in load_rows():
        if row.name in (*OWN, "vace_pe", "vace", *DRAWS[1:]):
            seeds[row.name] = maker.clips(row.variant, Pairs, inputs, 2, row.name)
    assert seeds["vace"] == seeds["vace_pe"]
    others = [s for name, both in seeds.items() if name != "vace" for s in both]
    assert len(set(others)) == len(others)
    with pytest.raises(ValueError, match="needs the name"):
        maker.clips(next(r.variant for r in load_rows() if r.name == OWN[0]), Pairs, inputs, 2)
