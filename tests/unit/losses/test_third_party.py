"""Losses of somebody else's: built, installed, and as good as ours from `mops check` to `mops selftest`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from modelops_runtime.evaluation.fit import stack
from modelops_runtime.ledger.opening import open_ledger
from tests.support.projects import Project, line_project, line_spec, project

LAPLACE = "{kind: laplace, scale: mae}"
DATA = "t,y,mae\n0,1.0,0.5\n1,3.0,1.0\n2,5.0,0.5\n3,7.0,1.0\n4,9.0,0.5\n"
OBSERVED = np.array([1.0, 3.0, 5.0, 7.0, 9.0])
SCALE = np.array([0.5, 1.0, 0.5, 1.0, 0.5])
CHART = Path(__file__).parents[3] / "charts" / "adaptive-run" / "values.schema.json"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("third-party-losses")
    source, target = folder / "source", folder / "site"
    shutil.copytree(Path(__file__).parent / "third_party", source)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", str(target), str(source)], check=True, capture_output=True, text=True)
    return target


def with_losses(made: Project, installed: Path) -> Project:
    found = [str(installed), made.env.get("PYTHONPATH", "")]
    return Project(made.root, {**made.env, "PYTHONPATH": os.pathsep.join(filter(None, found))})


@pytest.fixture(scope="module")
def finished(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run with the likelihood."""
    spec = line_spec(loss=LAPLACE, trials=30, replicates=4)
    made = with_losses(project(tmp_path_factory.mktemp("laplace") / "line", spec=spec, data=DATA), installed)
    checked = made.mops("check", "--spec", "adaptive.yaml")
    assert checked.code == 0, checked.err
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    return made


def scored(made: Project, run: str) -> tuple[float, np.ndarray]:
    """The loss of a set with all its replicates, and their aligned values."""
    ledger = open_ledger(str(made.ledger), create=False)
    try:
        trial = next(t for t in ledger.trials(run, phase="search") if not t.stopped_early)
        assert trial.loss is not None
        return trial.loss, stack([r.aligned for r in ledger.replicates(run, trial.number) if r.index < 2**32])
    finally:
        ledger.close()


def log_mean_exp(values: np.ndarray) -> float:
    return float(np.logaddexp.reduce(values) - np.log(len(values)))


def test_a_run_is_scored_by_the_likelihood_and_keeps_its_numbers(finished: Project) -> None:
    loss, values = scored(finished, "line")
    log_p = stats.laplace.logpdf(OBSERVED, values, SCALE).sum(axis=1)
    assert loss == pytest.approx(-log_mean_exp(log_p))
    ledger = open_ledger(str(finished.ledger), create=False)
    try:
        run = ledger.get_run("line")
        assert run is not None
        assert run.observations.targets["line"].of_loss["scale"] == tuple(SCALE)
        assert run.spec["targets"]["line"]["loss"] == {"kind": "laplace", "scale": "mae"}
    finally:
        ledger.close()


def test_its_bands_hold_its_noise_and_the_report_its_intervals(finished: Project) -> None:
    ended = finished.mops("results", "export", "line", "--to", "results")
    assert ended.code == 0, ended.err
    (file,) = (finished.root / "results").rglob("bands.parquet")
    bands = pq.read_table(file).to_pydict()
    wider = np.subtract(bands["observable_high"], bands["observable_low"])
    narrow = np.subtract(bands["simulated_high"], bands["simulated_low"])
    # the central 90 % of a Laplace distribution alone is 2 log 10 = 4.6 scales wide
    assert (wider > narrow + np.tile(SCALE, len(wider) // 5)).all()
    reported = finished.mops("report", "line", "--to", "page.html")
    assert reported.code == 0, reported.err
    page = (finished.root / "page.html").read_text("utf-8")
    assert "nothing is known of" not in page
    assert "laplace" in page


def test_distances_of_the_mean_and_of_each_rescore_the_run(finished: Project) -> None:
    for kind, name in (("huber", "mean"), ("huber_each", "each")):
        loss = f"{{kind: {kind}, delta: 0.5}}"
        (finished.root / f"{name}.yaml").write_text(line_spec(name=name, loss=loss, trials=30, replicates=4))
        ended = finished.mops("rescore", "line", "--spec", f"{name}.yaml")
        assert ended.code == 0, ended.err
        found, values = scored(finished, name)
        error = np.abs(OBSERVED - (values.mean(axis=0) if name == "mean" else values))
        assert found == pytest.approx(np.where(error <= 0.5, error**2, 0.5 * (2 * error - 0.5)).mean())


def test_a_self_test_draws_its_noise(finished: Project) -> None:
    ended = finished.mops("selftest", "--spec", "adaptive.yaml", "--repeats", "2", "--trials", "10", "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out.splitlines()[-1])
    assert report["noise"] == {"line": "one simulation, observed with the noise that laplace assumes"}


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (
            "{kind: laplace, scale: -1}",
            "adaptive.yaml:14:34: -1 is no number above 0; give one, or the name of a column",
        ),
        ("{kind: laplace, scala: 1}", "scala"),
        ("laplace", "laplace needs scale; write {kind: laplace, scale: ...}"),
        ("{kind: laplace, scale: nowhere}", "no column of numbers 'nowhere' in the observed data"),
        ("{kind: laplac, scale: 1}", "'laplac' is not a loss; a loss is one of mean_signal, absolute, annealed, "),
        ("lacking", "loss 'lacking' (heavy_tails_lacking:LOSS of heavy-tails) cannot be loaded: ModuleNotFoundError"),
        ("shapeless", "loss 'shapeless' (heavy_tails:value of heavy-tails) is a function, and no "),
    ],
)
def test_its_options_are_checked_like_ours(installed: Path, tmp_path: Path, loss: str, says: str) -> None:
    made = with_losses(project(tmp_path / "line", spec=line_spec(loss=loss), data=DATA), installed)
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert says in ended.err
    assert "adaptive.yaml:14" in ended.err
    assert "Traceback" not in ended.err


def test_a_kind_that_is_not_installed_is_one_line_and_its_run_is_still_reported(
    finished: Project, tmp_path: Path
) -> None:
    bare = Project(finished.root, {**finished.env, "PYTHONPATH": ""})
    ended = bare.mops("run", "--spec", "adaptive.yaml", "--run-id", "other")
    assert ended.code == 2
    (line,) = ended.err.strip().splitlines()
    assert line.startswith(
        "mops: adaptive.yaml:14:18: 'laplace' is not a loss; a loss is one of mean_signal, absolute, "
    )
    assert "huber" not in line
    assert bare.mops("status", "line").code == 0
    reported = bare.mops("report", "line", "--to", str(tmp_path / "page.html"))
    assert reported.code == 0, reported.err
    assert "nothing is known of how the loss laplace grows" in (tmp_path / "page.html").read_text("utf-8")


def test_a_name_installed_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    for package in ("first", "second"):
        metadata = tmp_path / package / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[modelops.losses]\ncauchy = {package}:LOSS\n")
    made = line_project(tmp_path / "line", loss="cauchy")
    for package in ("first", "second"):
        made = with_losses(made, tmp_path / package)
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert "loss 'cauchy' is installed more than once (first:LOSS, second:LOSS); uninstall all but one" in ended.err


def test_schemas_list_what_is_installed_and_accept_what_is_elsewhere(installed: Path, tmp_path: Path) -> None:
    bare = line_project(tmp_path / "line")
    here, there = (json.loads(one.mops("schema", "adaptive").out) for one in (with_losses(bare, installed), bare))
    kinds = [
        {one["properties"]["kind"].get("const") for one in listed if "kind" in one.get("properties", {})}
        for listed in (schema["$defs"]["TargetSpec"]["properties"]["loss"]["anyOf"] for schema in (here, there))
    ]
    assert kinds[0] - kinds[1] == {"laplace", "huber", "huber_each"}
    assert {"mean_signal", "beta_binomial"} < kinds[1]
    loss = {"kind": "laplace", "scale": "mae"}
    target = {"observed": "data.csv", "match": {"exact": "t"}, "value": "y", "loss": loss}
    for schema in (here, there):
        only = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/TargetSpec"}
        valid = jsonschema.Draft202012Validator(only)
        assert valid.is_valid(target)
        assert not valid.is_valid({**target, "loss": {"kind": "normal", "sigmo": 1}}), "ours are still checked"
        assert valid.is_valid({**target, "loss": {"kind": "laplace", "scala": 1}}) is (schema is there)
    chart = jsonschema.Draft7Validator(json.loads(CHART.read_text("utf-8")))
    assert chart.is_valid({"run": {"spec": {"version": 1, "targets": {"line": target}}}})
