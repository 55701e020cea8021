"""Hailuo against a server that speaks the documented protocol: every fault ends in a clip or in a reason, nothing is paid twice."""

from __future__ import annotations

import base64
import io
import json
import logging
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tpige_kedro.datasets import Clip, Mp4Dataset
from tpige_kedro.errors import ModelError, SampleError, ServiceError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.hailuo import Hailuo, Task
from tpige_kedro.video_generators.hailuo_media import data_url
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from video_generators.minimax_server import KEY, Account, error, start

QUICK = {"poll_seconds": 0.01, "backoff_seconds": 0.001}
FREE = Guidance(text_weight=4.0)


@pytest.fixture(scope="session")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    t, y, x = np.mgrid[:5, :48, :64]
    frames = np.stack([x * 3 + t, y * 4, 255 - x - y], axis=-1).clip(0, 255).astype(np.uint8)
    file = tmp_path_factory.mktemp("service") / "made.mp4"
    Mp4Dataset(filepath=str(file)).save(Clip(frames, 25, "made"))
    return file.read_bytes()


@pytest.fixture
def account(mp4: bytes) -> Account:
    return Account(clip=mp4)


@pytest.fixture
def url(account: Account) -> Iterator[str]:
    server = start(account)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def options(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "*")
    return {"base_url": url, "journal": str(tmp_path / "tasks"), **QUICK}


def ask(name: str, prompt: str = "A man waves.", colour: str = "red") -> ClipRequest:
    return ClipRequest(name, f"{prompt} {name}", (Image.new("RGB", (80, 100), colour),), 1)


def run(options: dict[str, Any], *requests: ClipRequest) -> dict[str, Any]:
    return {r.sample_id: made for r, made in Hailuo(**options).generate(requests, FREE)}


def test_three_clips_two_at_a_time(account: Account, options: dict[str, Any]) -> None:
    made = run({**options, "in_flight": 2}, *(ask(f"s{i}") for i in range(3)))
    assert len(made) == 3 and account.most_running == 2
    clip = made["s1"]
    assert clip.frames.shape == (5, 48, 64, 3) and clip.frames.dtype == np.uint8 and clip.fps == 25
    assert clip.details["task_id"] in account.tasks and clip.details["model"] == "S2V-01"
    assert [account.calls.count(c) for c in ("create", "retrieve", "download")] == [3, 3, 3]


def test_what_is_sent_is_what_is_documented_and_nothing_else(
    account: Account, options: dict[str, Any]
) -> None:
    picture = Image.new("RGB", (80, 100), "red")
    exif = picture.getexif()
    exif[0x010E] = "where I live"
    file = io.BytesIO()
    picture.save(file, format="JPEG", exif=exif)
    run(options, ClipRequest("s", "A man waves.", (Image.open(file),), 1))
    (task,) = account.tasks.values()
    sent = task["body"]
    assert set(sent) == {"model", "prompt", "prompt_optimizer", "subject_reference"}
    assert sent["model"] == "S2V-01" and sent["prompt"] == "A man waves."
    ((subject,),) = [sent["subject_reference"]]
    assert subject["type"] == "character"
    kind, _, data = subject["image"][0].partition(",")
    assert kind == "data:image/jpeg;base64"
    uploaded = base64.b64decode(data)
    with Image.open(io.BytesIO(uploaded)) as seen:
        assert seen.size == (320, 400) and not seen.getexif()
    assert b"where I live" not in uploaded
    assert all("Authorization" not in headers for headers in account.headers["download"])


def test_every_passing_fault_ends_in_a_clip_and_one_task_each(
    account: Account, options: dict[str, Any]
) -> None:
    account.faults["create"].extend([429, 500, error(1002, "rate limit"), 503])
    account.faults["query"].extend(["reset", 502, "garbage", error(1024, "internal"), 429])
    account.faults["retrieve"].extend([500, "reset"])
    account.faults["download"].extend(["cut", "reset", 404, "cut"])
    made = run(options, *(ask(f"s{i}") for i in range(4)))
    assert [type(m) for m in made.values()] == [GeneratedClip] * 4
    assert len(account.tasks) == 4
    assert not any(account.faults.values())


@pytest.mark.parametrize("verdict", ["refused at once", "refused later"])
def test_a_refusal_is_recorded_and_not_asked_again(
    verdict: str, account: Account, options: dict[str, Any]
) -> None:
    account.verdicts["naked"] = verdict
    first = run(options, ask("bad", "A naked man."), ask("good"))
    assert isinstance(first["bad"], SampleError) and isinstance(first["good"], GeneratedClip)
    assert "content policy" in str(first["bad"]) and "change the prompt" in str(first["bad"])
    calls = len(account.calls)
    again = run(options, ask("bad", "A naked man."))
    assert str(again["bad"]) == str(first["bad"]) and len(account.calls) == calls
    assert isinstance(run(options, ask("bad", "A man."))["bad"], GeneratedClip)


def test_both_forms_of_an_error_are_understood(account: Account, options: dict[str, Any]) -> None:
    account.faults["create"].extend([(429, 1002), (422, 1026), (402, 1008)])
    made = run({**options, "in_flight": 1}, ask("refused"), ask("unpaid"))
    assert "content policy" in str(made["refused"]) and "code 1026" in str(made["refused"])
    assert "code 1008" in str(made["unpaid"]) and "MINIMAX_API_KEY" in str(made["unpaid"])
    calls = len(account.calls)
    run(options, ask("refused"))
    assert len(account.calls) == calls


def test_a_failed_task_is_a_failure_now_and_a_new_task_next_time(
    account: Account, options: dict[str, Any]
) -> None:
    account.verdicts["storm"] = "fails"
    assert "failed" in str(run(options, ask("s", "A storm."))["s"])
    account.verdicts.clear()
    assert isinstance(run(options, ask("s", "A storm."))["s"], GeneratedClip)
    assert len(account.tasks) == 2


@pytest.mark.parametrize("fault", ["reset", 502, 504, "garbage"])
def test_a_request_without_an_answer_is_never_sent_again(
    fault: Any, account: Account, options: dict[str, Any]
) -> None:
    account.faults["after create"].append(fault)
    made = run({**options, "max_tasks": 1, "in_flight": 1}, ask("s"), ask("next"))
    lost = made["s"]
    assert isinstance(lost, SampleError) and "may have been created and paid" in str(lost)
    assert "options.max_tasks" in str(made["next"]), "what may be paid counts as paid"
    assert str(run(options, ask("s"))["s"]) == str(lost)
    assert account.calls.count("create") == 1
    file = next(Path(options["journal"]).glob("*.json"))
    assert str(file) in str(lost)
    file.unlink()
    assert isinstance(run(options, ask("s"))["s"], GeneratedClip)


@pytest.mark.parametrize("code", [1004, 1008, 2049])
def test_an_account_that_cannot_pay_stops_asking_but_begun_tasks_finish(
    code: int, account: Account, options: dict[str, Any]
) -> None:
    assert isinstance(run(options, ask("begun"))["begun"], GeneratedClip)
    account.calls.clear()
    account.faults["create"].append(error(code, "no"))
    made = run(options, ask("a"), ask("b"), ask("begun"))
    assert isinstance(made["begun"], GeneratedClip)
    for name in "ab":
        assert "MINIMAX_API_KEY" in str(made[name]) and f"code {code}" in str(made[name])
    assert account.calls.count("create") == 1


def test_the_cap_on_tasks(account: Account, options: dict[str, Any]) -> None:
    requests = [ask(f"s{i}") for i in range(4)]
    made = run({**options, "max_tasks": 2}, *requests)
    refused = [m for m in made.values() if isinstance(m, SampleError)]
    assert len(refused) == 2 and "options.max_tasks" in str(refused[0])
    made = run({**options, "max_tasks": 2}, *requests)
    assert all(isinstance(m, GeneratedClip) for m in made.values())
    assert len(account.tasks) == 4, "the second run paid for the other two only"


def test_a_slow_task_is_left_to_the_next_run(account: Account, options: dict[str, Any]) -> None:
    account.polls_needed = 10**6
    slow = run({**options, "timeout_seconds": 0.2}, ask("s"))["s"]
    assert isinstance(slow, SampleError) and "still 'Processing'" in str(slow)
    account.polls_needed = 0
    assert isinstance(run(options, ask("s"))["s"], GeneratedClip)
    assert len(account.tasks) == 1


def test_the_pauses_grow_up_to_a_limit(
    account: Account, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.polls_needed = 8
    monkeypatch.setattr("tpige_kedro.video_generators.hailuo.LONGEST_POLL", 0.03)
    slept, sleep = [], time.sleep

    def watched(seconds: float) -> None:
        slept.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", watched)
    assert isinstance(run(options, ask("s"))["s"], GeneratedClip)
    assert 0.02 < max(slept) <= 0.03


@pytest.mark.parametrize(("seconds", "late"), [(50, False), (70, True)])
def test_a_task_is_waited_for_as_long_as_the_options_say(
    seconds: float, late: bool, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Hailuo(**options, timeout_seconds=60.0)
    monkeypatch.setattr(service.api, "query", lambda task: ("Processing", ""))
    task = Task(ask("s"), "key", "1", time.monotonic() - seconds, 0.0, 1.0)
    if late:
        with pytest.raises(ServiceError, match=f"still 'Processing' after {seconds} s"):
            service._poll(task)
    else:
        assert service._poll(task) is None and task.pause == 1.5


RUN = """
import sys, json
from PIL import Image
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.hailuo import Hailuo
from tpige_kedro.video_generators.protocol import ClipRequest
requests = [ClipRequest(f"s{i}", f"A man waves. {i}", (Image.new("RGB", (80, 100), "red"),), 1) for i in range(3)]
for request, made in Hailuo(**json.loads(sys.argv[1])).generate(requests, Guidance()):
    print(request.sample_id, type(made).__name__, flush=True)
"""


def test_a_run_killed_between_create_and_poll_goes_on_with_its_tasks(
    account: Account, options: dict[str, Any]
) -> None:
    account.polls_needed = 10**6
    command = [sys.executable, "-c", RUN, json.dumps(options)]
    killed = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while len(list(Path(options["journal"]).glob("*.json"))) < 3 or not account.polls:
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    account.polls_needed = 0
    account.calls.clear()
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert sorted(again.stdout.split()) == sorted(["s0", "s1", "s2"] + ["GeneratedClip"] * 3)
    assert account.calls.count("create") == 0 and len(account.tasks) == 3


def test_the_id_is_on_disk_before_anything_else_happens(
    account: Account, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hailuo = Hailuo(**options)
    create = hailuo.api.create

    def watched(body: dict[str, Any]) -> str:
        (entry,) = (json.loads(f.read_text()) for f in Path(options["journal"]).glob("*.json"))
        assert "asked" in entry and "task_id" not in entry
        return create(body)

    monkeypatch.setattr(hailuo.api, "create", watched)
    monkeypatch.setattr(hailuo, "_task", lambda *_: 1 / 0)  # the process dies here
    with pytest.raises(ZeroDivisionError):
        list(hailuo.generate([ask("s")], FREE))
    (entry,) = (json.loads(f.read_text()) for f in Path(options["journal"]).glob("*.json"))
    assert entry["task_id"] in account.tasks
    assert isinstance(run(options, ask("s"))["s"], GeneratedClip) and len(account.tasks) == 1


def test_another_prompt_picture_or_model_is_another_task(
    account: Account, options: dict[str, Any]
) -> None:
    for made in (
        run(options, ask("s")),
        run(options, ask("s")),
        run(options, ask("s", prompt="A man runs.")),
        run(options, ask("s", colour="blue")),
        run({**options, "model": "S2V-02"}, ask("s")),
        run({**options, "base_url": f"{options['base_url']}/"}, ask("s")),  # as another host
    ):
        assert isinstance(made["s"], GeneratedClip)
    assert len(account.tasks) == 5


def test_the_key_is_nowhere_but_in_the_header(
    account: Account, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    account.verdicts["naked"] = "refused at once"  # this answer echoes the key
    account.faults["create"].extend([429, error(1004, f"invalid key {KEY}")])
    account.faults["download"].append("cut")
    with caplog.at_level(logging.DEBUG):
        outcomes = run(options, ask("a"), ask("b"))
        outcomes |= run(options, ask("c", "naked"), ask("d"))
    texts = [str(o) if isinstance(o, Exception) else str(o.details) for o in outcomes.values()]
    files = [f.read_text() for f in Path(options["journal"]).iterdir()]
    hailuo = Hailuo(**options)
    said = "\n".join([caplog.text, *texts, *files, repr(hailuo.api), repr(hailuo.options)])
    assert "***" in said and KEY not in said
    assert "signature=abc" not in "".join([*texts, *files])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ClipRequest("s", "x" * 2001, (Image.new("RGB", (80, 80)),), 1), "2000 characters"),
        (ClipRequest("s", "x", (Image.new("RGB", (300, 80)),), 1), "300x80.*2:5 to 5:2"),
    ],
)
def test_what_the_service_would_not_take_is_not_sent(
    request_: ClipRequest, message: str, account: Account, options: dict[str, Any]
) -> None:
    with pytest.raises(SampleError, match=message):
        raise run(options, request_)["s"]
    assert account.calls == []


@pytest.mark.parametrize("size", [(200, 80), (80, 200), (2000, 800)])
def test_a_picture_of_just_two_to_five_is_taken(size: tuple[int, int]) -> None:
    kind, _, data = data_url("s", Image.new("RGB", size)).partition(",")
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert kind == "data:image/jpeg;base64" and min(sent.size) >= 320 <= max(sent.size) <= 1536


def test_a_damaged_entry_of_the_journal_is_named(account: Account, options: dict[str, Any]) -> None:
    run(options, ask("s"))
    file = next(Path(options["journal"]).glob("*.json"))
    file.write_text('{"task_')
    assert str(file) in str(run(options, ask("s"))["s"])
    assert len(account.tasks) == 1


def test_no_server_at_all(options: dict[str, Any]) -> None:
    nowhere = {**options, "base_url": "http://127.0.0.1:9"}
    lost = run(nowhere, ask("s"))["s"]
    assert isinstance(lost, SampleError) and "ConnectionError" in str(lost)
    assert list(Path(options["journal"]).iterdir()) == [], "it was never sent: free to ask again"


def test_guidance_and_a_missing_key_are_named(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"guidance\.identity_weight"):
        list(Hailuo(**options).generate([ask("s")], Guidance(identity_weight=0.5)))
    monkeypatch.delenv("MINIMAX_API_KEY")
    with pytest.raises(ModelError, match="MINIMAX_API_KEY"):
        Hailuo(**options)


def test_the_journal_lies_with_the_results(tmp_path: Path) -> None:
    from kedro.config import OmegaConfigLoader
    from kedro.framework.project import settings
    from kedro.framework.startup import bootstrap_project

    from tpige_kedro.models import model_identity, project_root
    from tpige_kedro.schemas import ModelSpec

    bootstrap_project(project_root())
    marks = []
    for root in (None, str(tmp_path)):
        loader = OmegaConfigLoader(
            conf_source=str(project_root() / settings.CONF_SOURCE),
            env="paper",
            runtime_params={"data_root": root} if root else {},
            **settings.CONFIG_LOADER_ARGS,
        )
        spec = ModelSpec.model_validate(loader["parameters"]["models"]["hailuo"])
        assert spec.options["journal"] == f"{root or 'data'}/07_model_output/hailuo_tasks"
        marks.append(model_identity(spec))
    assert marks[0] == marks[1], "where the ids are kept decides no clip"


def test_a_storm_of_faults_loses_no_sample_and_pays_none_twice(
    account: Account, options: dict[str, Any]
) -> None:
    draw = random.Random(5)
    account.verdicts |= {"naked": "refused at once", "blood": "refused later"}
    words = [draw.choice(["waves", "waves", "waves", "naked", "blood"]) for _ in range(40)]
    requests = [ask(f"s{i}", word) for i, word in enumerate(words)]
    mixes = {
        "create": ["", "", "", 429, 500, 503, error(1002, "rate")],
        "after create": ["", "", "", "", "", "", "", "", "", "reset"],
        "query": ["", "", "", "", "reset", 502, "garbage", error(1024, "internal")],
        "retrieve": ["", "", "", 500, "reset"],
        "download": ["", "", "", "cut", "reset", 404],
    }
    for endpoint, mix in mixes.items():
        account.faults[endpoint].extend(draw.choice(mix) for _ in range(200))
    options = {**options, "max_tasks": 60, "in_flight": 8}
    made: dict[str, Any] = {}
    for seconds in (0.5, 60, 60):  # the first run is stopped where it happens to be
        deadline = time.monotonic() + seconds
        for request, outcome in Hailuo(**options).generate(requests, FREE):
            made[request.sample_id] = outcome
            if time.monotonic() > deadline:
                break
        if (
            seconds == 60
        ):  # the storm is over: the third run fetches what was paid and not yet there
            account.faults.clear()
    assert set(made) == {r.sample_id for r in requests}
    paid = [task["body"]["prompt"] for task in account.tasks.values()]
    assert len(paid) == len(set(paid)), "none twice"
    for request, word in zip(requests, words, strict=True):
        outcome = made[request.sample_id]
        if isinstance(outcome, GeneratedClip):
            assert word == "waves"
        else:
            reasons = ["content policy", "may have been created and paid"]
            assert any(reason in str(outcome) for reason in reasons), outcome
    clips = sum(isinstance(outcome, GeneratedClip) for outcome in made.values())
    assert clips >= 0.8 * words.count("waves")
    assert len(account.calls) < 20 * len(requests), "the number of calls is bounded"
