"""What `mops results export` writes of a run, opened by the programs it is for."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

import duckdb
import optuna
import pandas
import polars
import pytest

from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port
from tests.support.projects import Project, project

MODEL = """
import numpy as np

def simulate(params, seed):
    rng = np.random.default_rng(seed)
    if params["slope"] > 4.5:
        raise ValueError("too steep")
    t = np.arange(5)
    return {"t": t, "y": params["slope"] * t + params["height"] + params["delay"] + rng.normal(0, 0.5, 5)}
"""
SPEC = """
version: 1
name: line
model: {entrypoint: "model.py:simulate", timeout: 20s, memory: 1Gi}
parameters:
  slope: {min: 0.1, max: 5.0, scale: log}
  height: {min: -3.0, max: 5.0}
  delay: {min: 0, max: 4, type: int}
  method: {choices: [euler, leap]}
targets:
  line: {observed: data.csv, match: {exact: t}, value: y, loss: mean_signal}
search: {trials: 40, replicates: 4, seed: 7, lag: 4, confirm: {top: 3, replicates: 6}, max_failed: 0.9}
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run with failed, raced and confirmed trials, exported in each format."""
    made = project(tmp_path_factory.mktemp("exported") / "line", spec=SPEC, model=MODEL)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    for name in ("parquet", "csv", "optuna"):
        ended = made.mops("results", "export", "line", "--to", name, "--format", name)
        assert ended.code == 0, ended.err
    return made


def shown(made: Project) -> dict[str, Any]:
    return json.loads(made.mops("results", "show", "line", "--json").out)


def by_duckdb(path: Path) -> pandas.DataFrame:
    return duckdb.sql(f"SELECT * FROM '{path}'").df()


READERS = [pandas.read_parquet, lambda path: polars.read_parquet(path).to_pandas(), by_duckdb]


@pytest.mark.parametrize("read", READERS, ids=["pandas", "polars", "duckdb"])
def test_parquet_holds_the_answer(read: Callable[[Path], pandas.DataFrame], exported: Project) -> None:
    answer, folder = shown(exported), exported.root / "parquet"
    trials = read(folder / "trials.parquet")
    best = trials.loc[trials["confirmed_loss"].idxmin()]
    assert best["trial"] == answer["best"]["trial"]
    assert {name: best[f"param.{name}"] for name in ("slope", "height", "delay", "method")} == answer["best"]["params"]
    assert (trials["status"] == "FAILED").sum() == answer["failed"] > 0
    replicates = read(folder / "replicates.parquet")
    confirming = replicates[replicates["phase"] == "confirm"]
    assert sorted(confirming["replicate"].unique()) == [2**32 + i for i in range(6)]
    fit = read(folder / "fit.parquet")
    own = fit[(fit["trial"] == best["trial"]) & (fit["phase"] == "confirm")]
    mean = own.groupby("t")[["observed", "simulated"]].mean()
    loss = ((mean["simulated"] - mean["observed"]) ** 2).mean()
    assert loss == pytest.approx(best["confirmed_loss"]), "the loss follows from the fit"


def test_csv_is_read_by_the_same_programs(exported: Project) -> None:
    path = exported.root / "csv" / "trials.csv"
    losses = [pandas.read_csv(path)["loss"], polars.read_csv(path)["loss"].to_pandas(), by_duckdb(path)["loss"]]
    wanted = pandas.read_parquet(exported.root / "parquet" / "trials.parquet")["loss"]
    for found in losses:
        pandas.testing.assert_series_equal(found, wanted, check_exact=True)


PLOTS = [
    optuna.visualization.plot_contour,
    optuna.visualization.plot_edf,
    optuna.visualization.plot_intermediate_values,
    optuna.visualization.plot_optimization_history,
    optuna.visualization.plot_parallel_coordinate,
    optuna.visualization.plot_rank,
    optuna.visualization.plot_slice,
    optuna.visualization.plot_timeline,
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)
def test_optunas_plots_draw_the_run(plot: Callable[[optuna.Study], Any], exported: Project) -> None:
    study = optuna.load_study(study_name="line", storage=f"sqlite:///{exported.root / 'optuna' / 'study.db'}")
    figure = plot(study)
    traces = [trace.to_plotly_json() for trace in figure.data]
    assert sum(len(trace.get("x", trace.get("dimensions", ()))) for trace in traces) > 1
    assert "Plotly.newPlot" in figure.to_html(include_plotlyjs=False)


@contextmanager
def dashboard(study: Path) -> Iterator[str]:
    """`optuna-dashboard` on the file; yields its address."""
    port = free_port()
    program = Path(sysconfig.get_path("scripts")) / "optuna-dashboard"
    command = [program, f"sqlite:///{study}", "--host", "127.0.0.1", "--port", str(port), "--server", "wsgiref"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def got(url: str, patience_s: float = PATIENCE_S) -> bytes:
    """The body of a page, as soon as somebody answers."""
    give_up = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                return answer.read()
        except URLError as error:
            if time.monotonic() > give_up or not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.2)


def test_optunas_dashboard_opens_the_study(exported: Project) -> None:
    answer = shown(exported)
    with dashboard(exported.root / "optuna" / "study.db") as address:
        (listed,) = json.loads(got(f"{address}/api/studies"))["study_summaries"]
        assert (listed["study_name"], listed["directions"]) == ("line", ["minimize"])
        study = json.loads(got(f"{address}/api/studies/{listed['study_id']}"))
        page = got(f"{address}/dashboard/studies/{listed['study_id']}")
    assert [trial["number"] for trial in study["trials"]] == list(range(40))
    states = [trial["state"] for trial in study["trials"]]
    assert (states.count("Fail"), states.count("Pruned")) == (answer["failed"], answer["stopped_early"])
    assert {column["name"] for column in study["union_search_space"]} == {"slope", "height", "delay", "method"}
    assert b"<html" in page
