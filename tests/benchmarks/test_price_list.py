"""The price list: its switches do what they say, its seconds are those that were measured, and a stopped run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import benchmarks.price_list.run as price_list
from benchmarks.price_list.cost import FILE, Seconds, forwards, reused_shares
from benchmarks.price_list.pack import FOLDER, pack
from benchmarks.price_list.rows import FEW_STEPS, ROWS, model_of
from benchmarks.price_list.run import MEASURES
from benchmarks.price_list.switches import ClipByClip, in_fp8
from benchmarks.price_list.table import Found, as_markdown
from tpige_kedro.video_generators.block_cache import BlockCache
from tpige_kedro.video_generators.wan_options import Cache, WanOptions

SETTINGS = Cache(threshold=0.2, first_steps=1, last_steps=1)


class Blocks(nn.Module):
    """Three blocks, with a hint added outside the second, as VACE does."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3))

    def forward(self, x: Tensor, hint: Tensor) -> Tensor:
        for index, block in enumerate(self.blocks):
            x = block(x)
            x = x + hint if index == 1 else x
        return x


@torch.no_grad()
def sampled(cache: BlockCache, clips: Tensor, hints: Tensor) -> list[Tensor]:
    """Six steps in which clips (B, L, D) drift, each at a pace of its own."""
    network, out = Blocks(), []
    paces = clips[:, :1, :1].abs()
    for step in range(6):
        cache.enter_step(step, 6)
        with cache.around(network, "pred_cond"):
            out.append(network(clips * (1 + 0.4 * step * paces), hints * step))
    return out


def test_each_clip_of_a_batch_is_reused_as_it_would_be_alone() -> None:
    clips, hints = torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(1)), torch.ones(6, 5, 4)  # fmt: skip
    clips[:, 0, 0] = torch.linspace(0.05, 2, 6)
    together = ClipByClip(SETTINGS)
    found, alone = sampled(together, clips, hints), list[int]()
    for i in range(6):
        cache = BlockCache(SETTINGS)
        for step, expected in enumerate(sampled(cache, clips[i : i + 1], hints[i : i + 1])):
            torch.testing.assert_close(found[step][i : i + 1], expected)
        alone.append(cache.reused["pred_cond"])
    assert len(set(alone)) > 2  # some are reused often, some seldom
    assert together.reused["pred_cond"] == sum(alone)


def test_attention_in_8_bits_is_near_the_exact_one_and_not_equal() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 30, 3, 64, generator=generator) for _ in range(3))
    exact = nn.functional.scaled_dot_product_attention(
        *(x.transpose(1, 2) for x in (query, key, value))
    ).transpose(1, 2)
    found = in_fp8(query, key, value)
    error = float((found - exact).norm() / exact.norm())
    assert found.dtype == query.dtype and 0.01 < error < 0.1
    assert torch.equal(in_fp8(query[:1], key[:1], value[:1])[0], found[0])  # a clip's own scales
    same = torch.ones(1, 4, 2, 8)  # which 8 bits hold
    torch.testing.assert_close(in_fp8(same, same, same), same)


def test_rows_are_sound_and_name_their_controls() -> None:
    for name, row in ROWS.items():
        assert row.checked
        options = {k: v for k, v in row.options.items() if k != "loras"}
        assert WanOptions(num_frames=17, **options)
        for other in filter(None, (row.exact, row.unguided)):
            assert other in ROWS, name
        if row.unguided:
            control = ROWS[row.unguided]
            assert (control.options, control.fp8_attention) == (row.options, row.fp8_attention)
            assert control.checked.identity_weight == 0 < row.checked.identity_weight
    assert model_of(ROWS["ge_fp8"], "ge_fp8") == model_of(ROWS["cfg_fp8"], "cfg_fp8")
    assert model_of(ROWS["ge_fp8"], "ge_fp8") != model_of(ROWS["ge_fp8_both"], "ge_fp8_both")
    assert {"steps_4", "steps_4_ge_blank", "no_lora_8_cfg"} < set(FEW_STEPS)


def test_counted_seconds_are_those_of_the_clips_that_were_made() -> None:
    seconds = Seconds.load()
    text = seconds.parts["text"]
    made = {row["total"]: row["seconds"] + text for row in seconds.rows.values() if row["what"] == "clip"}  # fmt: skip
    alone = ROWS["steps_4_fp8_both"]
    guided = type(alone)(ROWS["steps_8_ge"].guidance, alone.options | {"steps": 8}, True)
    assert seconds.clip(alone, {}) == pytest.approx(made[4], rel=0.01)
    assert seconds.clip(guided, {}) == pytest.approx(made[8], rel=0.01)


def test_seconds_follow_windows_precision_and_cache() -> None:
    seconds = Seconds.load()
    of = {name: seconds.clip(row, {}) for name, row in ROWS.items()}
    # the first three and every eighth of 50 steps have the weak branch
    assert forwards(ROWS["ge"].checked, 50)["pred_weak"] == 9
    weak = 9 * seconds.forward("pred_weak", "bf16", "bf16")
    assert of["ge"] - of["cfg"] == pytest.approx(weak)
    assert of["ge_fp8_both"] < of["ge_fp8"] < of["ge_fp8_attention"] < of["ge"] == of["ge_bf16"]
    assert of["ge_vae_bf16"] < of["ge"] < of["ge_cache_low"]  # which reuses nothing here
    assert of["steps_4_ge"] < of["steps_4_ge_blank"]  # a weak branch with control costs more
    row = ROWS["cfg_fp8_both_cache_middle"]
    everything = seconds.clip(row, {"pred_cond": 1.0, "pred_uncond": 1.0})
    cached = {json.loads(line)["key"]: json.loads(line) for line in FILE.read_text().splitlines()}
    timed = dict(cached["14b fp8 + attention cache"]["reused"])
    rest = 50 * seconds.beside("fp8") + seconds.around("float32")
    assert everything == pytest.approx(50 * (timed["cond"] + timed["uncond"]) + rest)
    about = {"forwards": {"pred_cond": 20, "pred_weak": 5}, "reused": {"pred_cond": 10}}
    assert reused_shares(about) == {"pred_cond": 0.5}


def start(out: Path, monkeypatch: pytest.MonkeyPatch, rows: str, *more: str) -> None:
    command = f"x --out {out} --pairs 4 --batch 2 --steps 6 --device cpu --rows {rows}".split()
    monkeypatch.setattr("sys.argv", [*command, *more])
    price_list.main()


def test_a_run_keeps_rows_names_failures_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = type(ROWS["ge"])(ROWS["ge"].guidance, {"steps": 0}, exact="ge")
    reusing = type(ROWS["ge"])(
        ROWS["ge"].guidance,
        {"cache": {"threshold": 1e9}, "quantisation": "fp8"},
        fp8_attention=True,
        exact="ge",
    )
    monkeypatch.setattr(price_list, "ROWS", {**ROWS, "broken": broken, "ge_cache_high": reusing})
    start(tmp_path, monkeypatch, "steps_4", "--minutes", "0")
    assert "no time left for steps_4" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="failed: broken"):
        start(tmp_path, monkeypatch, "broken,ge_cache_high,steps_4_ge_last_half")
    assert "broken: FAILED, " in capsys.readouterr().out
    about = json.loads((tmp_path / "rows.json").read_text())
    # steps 4 to 4 of 6 may be reused: the first four and the last are computed
    assert about["ge_cache_high"]["forwards"] == {"pred_cond": 6, "pred_uncond": 6, "pred_weak": 3}
    reused = {"pred_cond": 1.0, "pred_uncond": 1.0, "pred_weak": 0.0}
    assert about["ge_cache_high"]["reused"] == reused
    assert about["ge_cache_high"]["linear_layers"] == "fp8 weights"
    assert about["steps_4_ge_last_half"]["forwards"] == {"pred_cond": 4, "pred_weak": 2}
    clips = pd.read_csv(tmp_path / "clips.csv")
    assert list(clips["row"]) == ["ge_cache_high"] * 4 + ["steps_4_ge_last_half"] * 4
    assert clips["identity"].between(-1, 1).all()
    start(tmp_path, monkeypatch, "ge_cache_high,steps_4_ge_last_half")
    assert capsys.readouterr().out.endswith("all rows are there\n")
    with pytest.raises(SystemExit, match="other settings: seed 64000 -> 1"):
        start(tmp_path, monkeypatch, "ge", "--seed", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Made-up clips of some rows: people differ much, rows little."""
    generator = np.random.default_rng(0)
    ids = [f"{s}{i:04d}" for i in range(20) for s in ("seen", "new")]
    person = generator.normal(0.6, 0.2, len(ids))
    gains = {"cfg": 0.0, "ge": 0.03, "ge_cache_high": 0.01, "steps_4": 0.02, "steps_4_ge": 0.04}
    tables, about = [], dict[str, Any]()
    for name, gain in gains.items():
        values = {m: person + gain + generator.normal(0, 0.002, len(ids)) for m in MEASURES}
        tables.append(pd.DataFrame({"sample_id": ids, **values, "row": name}))
        taken = dict(forwards(ROWS[name].checked, ROWS[name].steps))
        reused = {"pred_cond": 10, "pred_uncond": 10} if "cache" in name else {}
        about[name] = {"forwards": taken, "reused": reused, "device": "card", "torch": "2"}
    pd.concat(tables).to_csv(tmp_path / "clips.csv", index=False)
    (tmp_path / "rows.json").write_text(json.dumps(about))
    return tmp_path


def test_tables_pair_clips_and_choose_on_one_half(folder: Path) -> None:
    found = Found.load(folder, Seconds.load())
    mean, low, high = found.difference("identity", "ge", "cfg")
    assert low < mean < high and high - low < 0.01 and mean == pytest.approx(0.03, abs=0.003)
    halves = [found.half(second) for second in (False, True)]
    assert [len(half.clips) for half in halves] == [20, 20]
    assert set(halves[0].clips.index).isdisjoint(halves[1].clips.index)
    for half in halves:  # both slices, and both kinds of role
        numbers = half.clips.index.str.extract(r"(\d+)$")[0].astype(int)
        assert (numbers % 2).sum() == 10
        assert sum(key.startswith("new") for key in half.clips.index) == 10
    assert found.front(found.rows) == ["steps_4", "steps_4_ge"]
    assert found.front(found.long)[-1] == "ge"
    text = as_markdown(found)
    assert "n = 40 pairs, 5 rows" in text
    assert "| `ge_cache_high` |" in text and "44% | ge | −0.0" in text
    assert "| `steps_4_ge` | `steps_4` | 27 | +0.0" in text


def test_the_plot_is_small_and_shows_the_front(folder: Path, tmp_path: Path) -> None:
    from benchmarks.price_list.plot import draw

    draw(Found.load(folder, Seconds.load()), tmp_path / "price_list.png")
    assert 10_000 < (tmp_path / "price_list.png").stat().st_size < 150_000


def test_a_packed_run_gives_the_same_table(folder: Path, tmp_path: Path) -> None:
    assert pack(folder, tmp_path / "packed") == 200
    whole, packed = (Found.load(f, Seconds.load()) for f in (folder, tmp_path / "packed"))
    for measure in MEASURES:
        for row in whole.rows:
            np.testing.assert_allclose(
                packed.values(measure, row), whole.values(measure, row), rtol=3e-4
            )
    assert packed.front(packed.rows) == whole.front(whole.rows)
    both = [as_markdown(found).split("Chosen by")[0].split("|")[:12] for found in (whole, packed)]
    assert both[0] == both[1]


def test_the_packed_run_in_docs_is_the_one_that_its_table_shows() -> None:
    found = Found.load(FOLDER, Seconds.load())
    assert (FOLDER / "prices.md").read_text() == as_markdown(found)
    assert len(found.clips) == 344 and len(found.rows) == 43
