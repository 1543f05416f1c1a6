"""A run simulates the code that it recorded, whatever happens to the folder meanwhile; what it cannot copy it watches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelops_runtime.ledger.opening import open_ledger
from tests.support.dask_cluster import Cluster
from tests.support.holding import Hold, held
from tests.support.ledgers import assert_whole
from tests.support.patience import PATIENCE_S
from tests.support.projects import LINE_MODEL, Project, line_project, line_spec, project

MODEL = """
import threading
import time
from pathlib import Path

import numpy as np

import helper

VERSION = 0
HERE = Path(__file__).parent


def simulate(params, seed):
    rng = np.random.default_rng(seed)
    import lazily
    from pkg import inner

    read = [int((HERE / "level.txt").read_text()), int(open("level.txt").read())]
    offset = 1000 * (VERSION + helper.VERSION + lazily.VERSION + inner.VERSION + sum(read))
    for _ in range(40):  # so many threads that the process is replaced
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    t = np.arange(5)
    return {"t": t, "y": offset + params["slope"] * t + params["height"] + rng.normal(0, 0.5, 5)}
"""
VERSIONED = ("helper.py", "lazily.py", "pkg/inner.py")

COMMAND = """
import csv
import json
import sys

import model

params, outputs, seed = sys.argv[1:]
found = model.simulate(json.load(open(params)), int(seed))
with open(f"{outputs}/line.csv", "w") as file:
    csv.writer(file).writerows([("t", "y"), *zip(found["t"], found["y"])])
"""

READS = """
from pathlib import Path
""" + LINE_MODEL.replace(
    '"y": params', '"y": 1000 * (Path(__file__).parent / "table.bin").open("rb").read(1)[0] + params'
)

LARGE = bytes(9 * 2**20)


def versioned(root: Path, *, command: bool = False, trials: int = 12, extra: str = "") -> Project:
    """The line, made of five files whose versions show in its output; every simulation wears its process out."""
    spec = line_spec(trials=trials, extra=extra)
    if command:
        called = f'command: ["{sys.executable}", sim.py, "{{params}}", "{{outputs}}", "{{seed}}"]'
        spec = spec.replace('entrypoint: "model.py:simulate"', called)
    made = project(root, spec=spec, model=MODEL)
    (root / "pkg").mkdir()
    for name in VERSIONED:
        (root / name).write_text("VERSION = 0\n")
    (root / "level.txt").write_text("0")
    (root / "sim.py").write_text(COMMAND)
    return made


def edit(made: Project) -> None:
    """Change every file: two as an editor does that saves beside and renames, the others in place."""
    for name in ("model.py", "helper.py"):
        part = made.root / f"{name}.new"
        part.write_text((made.root / name).read_text().replace("VERSION = 0", "VERSION = 1"))
        part.replace(made.root / name)
    for name in ("lazily.py", "pkg/inner.py"):
        (made.root / name).write_text("VERSION = 1\n")
    (made.root / "level.txt").write_text("1")
    (made.root / "sim.py").write_text("raise SystemExit('this is the edited sim.py')\n")


def simulated(made: Project) -> list[float]:
    """The first aligned value of every replicate."""
    ledger = open_ledger(str(made.ledger), create=False)
    try:
        return [float(np.frombuffer(row.aligned)[0]) for row in ledger.replicates("line")]
    finally:
        ledger.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


def assert_all_from_the_recorded_code(made: Project, trials: int = 12) -> None:
    assert_whole(str(made.ledger), "line", trials=trials)
    values = simulated(made)
    assert len(values) >= trials
    assert [value for value in values if abs(value) > 500] == []


@pytest.mark.parametrize("command", [False, True], ids=["function", "command"])
def test_an_edit_in_mid_run_reaches_no_process_of_the_run(command: bool, tmp_path: Path) -> None:
    made = versioned(tmp_path / "line", command=command)
    hold = held(made, after=10)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2", "--quiet")
    hold.wait_until_reached(waiting=2)
    edit(made)
    hold.lift()
    code, err = ended(process)
    assert code == 0, err
    assert_all_from_the_recorded_code(made)
    again = made.mops("run", "--spec", "adaptive.yaml", "--trials", "13")
    assert again.code == 2, again.err
    assert "file model.py" in again.err


def test_processes_that_replace_killed_ones_run_the_recorded_code(tmp_path: Path) -> None:
    made = versioned(tmp_path / "line")
    hold = held(made, after=6)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2", "--quiet")
    hold.wait_until_reached(waiting=2)
    edit(made)
    for pid in simulating(process.pid):
        os.kill(pid, signal.SIGKILL)
    hold.lift()
    code, err = ended(process)
    assert code == 0, err
    assert_all_from_the_recorded_code(made)


def simulating(pid: int) -> list[int]:
    """The processes below `pid` that simulate."""
    import psutil

    found = [child.pid for child in psutil.Process(pid).children(recursive=True) if child.name() == "modelops-sim"]
    assert found, "no process simulates"
    return found


def test_a_dask_worker_that_comes_after_an_edit_gets_the_recorded_code(tmp_path: Path) -> None:
    made = versioned(tmp_path / "line", extra="outputs: {keep: best}")
    hold = held(made, after=10)
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker()
        process = made.start("run", "--spec", "adaptive.yaml", "--dask", cluster.address, "--quiet")
        hold.wait_until_reached(waiting=1)
        edit(made)
        cluster.end(cluster.workers[0], signal.SIGKILL)
        cluster.add_worker()
        hold.lift()
        code, err = ended(process)
    assert code == 0, err
    assert_all_from_the_recorded_code(made)
    tables = [pq.read_table(file) for file in (made.root / "modelops-out" / "line" / "outputs").rglob("*.parquet")]
    assert len(tables) >= 1
    assert max(table["y"][0].as_py() for table in tables) < 500


def reading(root: Path, make: Callable[[Path], None]) -> tuple[Project, Hold]:
    """The line, with a table that `make` puts there; its first byte shows in the output."""
    made = project(root, spec=line_spec(), model=READS)
    make(root / "table.bin")
    return made, held(made, after=10)


def large(path: Path) -> None:
    path.write_bytes(LARGE)


def linked(path: Path) -> None:
    target = path.parent.parent / "elsewhere.bin"
    target.write_bytes(b"\0")
    path.symlink_to(target)


def in_a_linked_folder(path: Path) -> None:
    folder = path.parent.parent / "elsewhere"
    folder.mkdir()
    (folder / "table.bin").write_bytes(b"\0")
    (path.parent / "data").symlink_to(folder)
    path.symlink_to("data/table.bin")


@pytest.mark.parametrize("make", [large, linked, in_a_linked_folder])
def test_a_change_of_what_is_not_copied_stops_the_run_and_its_return_lets_it_go_on(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    made, hold = reading(tmp_path / "line", make)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2", "--quiet")
    hold.wait_until_reached(waiting=2)
    table = made.root / "table.bin"
    content = table.read_bytes()
    with table.open("r+b") as file:
        file.write(b"\1")
    hold.lift()
    code, err = ended(process)
    assert code == 1, err
    assert "table.bin" in err
    assert len(err.strip().splitlines()) == 1
    assert [value for value in simulated(made) if abs(value) > 500] == []
    refused = made.mops("run", "--spec", "adaptive.yaml")
    assert refused.code == 2, refused.err
    with table.open("r+b") as file:
        file.write(content)
    again = made.mops("run", "--spec", "adaptive.yaml")
    assert again.code == 0, again.err
    assert_all_from_the_recorded_code(made)


def test_a_large_file_that_is_only_touched_is_no_change(tmp_path: Path) -> None:
    made, hold = reading(tmp_path / "line", large)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2", "--quiet")
    hold.wait_until_reached(waiting=2)
    part = made.root / "table.bin.new"
    part.write_bytes(LARGE)
    part.replace(made.root / "table.bin")
    hold.lift()
    code, err = ended(process)
    assert code == 0, err


@pytest.mark.parametrize("on_dask", [False, True], ids=["here", "on Dask"])
def test_what_a_model_does_to_its_folder_harms_neither_the_users_nor_the_next_process(
    on_dask: bool, tmp_path: Path
) -> None:
    destroys = MODEL.replace("    t = np", "    import shutil; shutil.rmtree(HERE, ignore_errors=True)\n    t = np")
    made = versioned(tmp_path / "line")
    (made.root / "model.py").write_text(destroys)
    before = {path: path.read_bytes() for path in made.root.rglob("*") if path.is_file()}
    if on_dask:
        (tmp_path / "dask").mkdir()
        with Cluster(tmp_path / "dask") as cluster:
            cluster.add_worker()
            done = made.mops("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
    else:
        done = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1")
    assert done.code == 0, done.err
    assert_all_from_the_recorded_code(made)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("by", ["PYTHONPATH", "path in the model"])
def test_modules_are_recorded_ones_however_they_are_found(by: str, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    src = made.root / "src"
    (src / "own").mkdir(parents=True)
    (src / "own" / "__init__.py").write_text("")
    (src / "own" / "zero.py").write_text("VERSION = 0\n")
    inside = f"    import sys; sys.path.insert(0, {str(src)!r})\n" if by != "PYTHONPATH" else ""
    lazily = f"{inside}    import own.zero\n    rng = "
    text = LINE_MODEL.replace("    rng = ", lazily).replace('"y": params', '"y": 1000 * own.zero.VERSION + params')
    (made.root / "model.py").write_text(text)
    env = {**made.env, "PYTHONPATH": os.pathsep.join([str(src), *sys.path])}
    hold = held(made, after=10)
    process = Project(made.root, env).start("run", "--spec", "adaptive.yaml", "--workers", "2", "--quiet")
    hold.wait_until_reached(waiting=2)
    (src / "own" / "zero.py").write_text("VERSION = 1\n")
    for pid in simulating(process.pid):
        os.kill(pid, signal.SIGKILL)
    hold.lift()
    code, err = ended(process)
    assert code == 0, err
    assert_all_from_the_recorded_code(made)


def test_paths_in_what_the_user_reads_are_the_users_own(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    fails = LINE_MODEL.replace("    rng = ", "    print('at', __file__)\n    raise ValueError(__file__)\n    rng = ")
    (made.root / "model.py").write_text(fails)
    done = made.mops("run", "--spec", "adaptive.yaml")
    assert done.code == 1
    log = "\n".join(path.read_text() for path in (made.root / "modelops-out").rglob("*.log"))
    assert f"at {made.root / 'model.py'}" in log
    assert f'File "{made.root / "model.py"}", line 7, in simulate' in log
    assert ".cache" not in log + done.err
    assert f"ValueError: {made.root / 'model.py'} (model.py:7)" in done.err


def test_the_cache_serves_all_runs_and_keeps_no_folder_of_a_run(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    assert made.mops("run", "--spec", "adaptive.yaml").code == 0
    cache = Path(made.env["HOME"]) / ".cache" / "modelops"
    files = {path.relative_to(cache): path.read_bytes() for path in (cache / "files").rglob("*") if path.is_file()}
    assert (made.root / "model.py").read_bytes() in files.values()
    assert list((cache / "runs").iterdir()) == []
    assert [path.stat().st_mode & 0o077 for path in (cache, cache / "files", cache / "runs")] == [0, 0, 0]
    assert made.mops("run", "--spec", "adaptive.yaml", "--fresh").code == 0
    after = {path.relative_to(cache) for path in (cache / "files").rglob("*") if path.is_file()}
    assert after == set(files)


def test_a_cache_that_cannot_be_written_is_one_line_and_the_run_goes_on(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    (tmp_path / "file").write_text("")
    there = Project(made.root, {**made.env, "MODELOPS_CACHE": str(tmp_path / "file" / "cache")})
    done = there.mops("run", "--spec", "adaptive.yaml", "--quiet")
    assert done.code == 0, done.err
    (line,) = done.err.strip().splitlines()
    assert "MODELOPS_CACHE" in line


def test_a_model_reads_what_lies_beside_its_folder(tmp_path: Path) -> None:
    made = line_project(tmp_path / "project" / "line")
    (tmp_path / "project" / "shared").mkdir()
    (tmp_path / "project" / "shared" / "common.py").write_text("ZERO = 0\n")
    up = "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).parents[1] / 'shared'))\nimport common\n"
    (made.root / "model.py").write_text(up + LINE_MODEL.replace('["slope"] * t', '["slope"] * t + common.ZERO'))
    done = made.mops("run", "--spec", "adaptive.yaml")
    assert done.code == 0, done.err
