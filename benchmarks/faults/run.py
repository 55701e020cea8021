"""Hand-made faults: puts each of docs/faults.csv into a copy of the code, one at a time, and says which test notices.

``python -m benchmarks.faults.run`` tries all of them, ``--only 12 40-45`` some. The tests that a fault names are run first; where they
pass, those of the mirrored folder, then those of whole runs (``--narrow``: none of these two). What noticed a fault is run again
without it: a test that fails either way noticed nothing. Faults are put into the commit that is checked out; the table is written
as they are tried, and ``first_pass`` stays as it was.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/faults.csv"
FLAGS = ("-x", "-n", "0", "-q", "-p", "no:cacheprovider", "--timeout", "120", "--tb", "line")
WHOLE_RUNS = ("tests/pipelines", "tests/test_run.py")
PATIENCE = 900  # seconds for the tests of one fault
# each run of tests starts from a process that has imported what no fault changes
WARM: Any = multiprocessing.get_context("forkserver")
IMPORTED = ["pytest", "torch", "mlflow.tracking", "pandera.pandas", "kedro.framework.session"]
CAUGHT, MISSED, HANGS, EITHER_WAY = "caught", "missed", "hangs", "fails without it too"
GONE = "gone"  # the code has changed; write the fault again
EQUIVALENT = "equivalent"  # by thought: nothing comes out differently

Fault = dict[str, str]  # number, file, about, was, now, tests, first_pass, outcome, noticed_by


@contextmanager
def planted(copy: Path, fault: Fault) -> Iterator[bool]:
    """The copy holds the fault in here, and is as it was afterwards; false if the text to replace is not there just once."""
    file = copy / fault["file"]
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if text.count(fault["was"]) != 1:
        yield False
        return
    file.write_text(text.replace(fault["was"], fault["now"]), encoding="utf-8")
    try:
        yield True
    finally:
        file.write_text(text, encoding="utf-8")


class Noticed:
    """The first test that fails, as a plugin of pytest."""

    def __init__(self) -> None:
        self.test, self.outcome = "", MISSED

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid
            self.outcome = HANGS if "Timeout" in report.longreprtext else CAUGHT

    pytest_collectreport = pytest_runtest_logreport


def run_tests(copy: Path, tests: Iterable[str]) -> tuple[str, str]:
    """The outcome of tests in the copy, and the first that failed."""
    here, there = WARM.Pipe(duplex=False)
    process = WARM.Process(target=_run, args=(copy, list(tests), there))
    process.start()
    there.close()
    try:
        outcome: tuple[str, str] = here.recv() if here.poll(PATIENCE) else (HANGS, "")
    except EOFError:
        outcome = EITHER_WAY, "the process of the tests died"
    process.kill()
    process.join()
    return outcome


def _run(copy: Path, tests: Sequence[str], to: Connection) -> None:
    own = {"PYTHONPATH": str(copy / "src"), "TPIGE_CACHE": str(copy.parent / f"cache{os.getpid()}")}
    os.environ |= own
    os.chdir(copy)
    sys.path.insert(0, own["PYTHONPATH"])
    sys.dont_write_bytecode = True  # a fault comes and goes faster than the clock of files ticks
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    import pytest

    seen, place = Noticed(), str(copy.parent / f"tmp{os.getpid()}")
    code = pytest.main([*tests, *FLAGS, "--basetemp", place], [seen])
    if code not in {0, 1, 2, 5}:  # 5: no test there
        seen.test, seen.outcome = f"pytest ended with {code}", EITHER_WAY
    to.send((seen.outcome, seen.test))


def wider(copy: Path, fault: Fault) -> Iterator[list[str]]:
    """The tests of the folder that mirrors that of the fault, and those of whole runs."""
    mirrored = copy / "tests" / Path(*Path(fault["file"]).parts[2:]).parent
    if mirrored.is_dir() and mirrored != copy / "tests":
        yield [str(mirrored.relative_to(copy))]
    yield [place for place in WHOLE_RUNS if (copy / place).exists()]


def tried(copy: Path, fault: Fault, narrow: bool) -> tuple[str, str]:
    """What comes of a fault: the first set of tests that notices it decides."""
    if fault["outcome"] == EQUIVALENT:
        return EQUIVALENT, fault["noticed_by"]
    with planted(copy, fault) as there:
        if not there:
            return GONE, ""
        for tests in (fault["tests"].split(), *(() if narrow else wider(copy, fault))):
            outcome = run_tests(copy, tests) if tests else (MISSED, "")
            if outcome[0] != MISSED:
                return outcome
    return MISSED, ""


def try_all(copy: Path, faults: Sequence[Fault], narrow: bool = False) -> Iterator[Fault]:
    """Each fault with its outcome, then again those whose test fails without them too."""
    for fault in faults:
        fault["outcome"], fault["noticed_by"] = tried(copy, fault, narrow)
        fault["first_pass"] = fault["first_pass"] or fault["outcome"]
        yield fault
    noticed = {f["noticed_by"] for f in faults if f["outcome"] in {CAUGHT, HANGS} and "::" in f["noticed_by"]}  # fmt: skip
    for test in sorted(noticed) if noticed and run_tests(copy, noticed)[0] != MISSED else ():
        if run_tests(copy, [test])[0] != MISSED:
            for fault in (fault for fault in faults if fault["noticed_by"] == test):
                fault["outcome"] = EITHER_WAY
                yield fault


def chosen(faults: Sequence[Fault], only: Sequence[str]) -> list[Fault]:
    """The faults of the numbers ``12`` and ranges ``40-45``; all without any."""
    bounds = [(int(a), int(b or a)) for a, _, b in (text.partition("-") for text in only)]
    return [f for f in faults if not only or any(a <= int(f["number"]) <= b for a, b in bounds)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], help="numbers and ranges, as 12 40-45")
    parser.add_argument("--narrow", action="store_true", help="run the named tests only")
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args(arguments)
    with options.table.open(newline="", encoding="utf-8") as file:
        faults = list(csv.DictReader(file))
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    WARM.set_forkserver_preload(IMPORTED)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(copy)], check=True)
        for fault in try_all(copy, chosen(faults, options.only), options.narrow):
            print(*(fault[k] for k in ("number", "outcome", "file", "noticed_by")), flush=True)
            with options.table.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(faults[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(faults)


if __name__ == "__main__":
    main()
