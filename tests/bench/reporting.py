"""What a report adds to `mops run`: the seconds of reading a run of 1,000 trials and of writing its page.

Each report is made in an interpreter of its own, which has imported what a run imports before; the imports are not counted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from modelops_runtime.ledger.opening import open_ledger
from tests.bench.report import Report, Settings, Table, Target, median, number, ratio
from tests.unit.inference.runs import boarding_school

TRIALS = 1_000
LIMIT_S = 1.0
PATIENCE_S = 120

TIMED = """
import sys, time
from pathlib import Path
import modelops_runtime.api.calibrate as calibrate
calibrate._import_for_the_end()
from modelops_runtime.inference.cautions import findings_of
from modelops_runtime.inference.run_data import gather
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.report.page import write_page
began = time.perf_counter()
ledger = open_ledger(sys.argv[1], create=False)
rows = gather(ledger, sys.argv[2])
read = time.perf_counter()
found = findings_of(rows)
inferred = time.perf_counter()
write_page(rows, Path(sys.argv[3]), found)
print(read - began, inferred - read, time.perf_counter() - inferred)
"""
STEPS = ("reading the rows", "intervals and doubts", "the page")


def run(settings: Settings) -> Report:
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        url = str(Path(folder) / "ledger.sqlite")
        story = boarding_school(TRIALS)
        ledger = open_ledger(url)
        story.tell(ledger)
        ledger.close()
        page = str(Path(folder) / "report.html")
        found = [_timed([url, story.run.run_id, page]) for _ in range(5 if settings.full else 3)]
    seconds = {step: median([each[at] for each in found]) for at, step in enumerate(STEPS)}
    whole = median([sum(each) for each in found])
    rows = [[step, f"{value:.3f}"] for step, value in seconds.items()]
    share = ratio(whole, LIMIT_S)
    return Report(
        title=f"report: seconds for a run of {TRIALS:,} trials, imports aside, medians of {len(found)}",
        tables=[Table(["", "seconds"], [*rows, ["all", f"{whole:.3f}"], ["all / limit", number(share)]])],
        targets=[
            Target(f"a report of {TRIALS:,} trials, seconds over its limit of {LIMIT_S:g}", share, "at most", 1.0)
        ],
        figures={"seconds": seconds, "whole": whole, "ratio": share},
    )


def _timed(args: Sequence[str]) -> list[float]:
    """The seconds of each of STEPS."""
    command = [sys.executable, "-c", TIMED, *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"the report ended with {done.returncode}: {done.stderr[-2000:]}")
    return [float(value) for value in done.stdout.split()]
