"""`mops run --dask`: the whole run on a Dask cluster of real processes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.dask_cluster import Certificates, Cluster, make_certificates
from tests.support.holding import held
from tests.support.ledgers import answer_of, assert_whole, read, wait_for_trials
from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port
from tests.support.projects import line_project, project

WALK_MODEL = """
class Walk:
    def start(self, params, rng):
        return 0.0

    def advance(self, state, params, rng, until):
        y = state + params["push"] + rng.normal()
        return y, {"t": [until], "y": [y]}
"""
WALK_SPEC = """
version: 1
name: walk
model: {entrypoint: "model.py:Walk", timeout: 20s, memory: 1Gi}
parameters:
  push: {min: 0.0, max: 5.0}
targets:
  walk:
    observed: data.csv
    match: {exact: t}
    value: y
    loss: {kind: normal, sigma: 0.5}
search:
  algorithm: sobol
  trials: 4
  replicates: 3
  likelihood: {kind: particle_filter, particles: 20}
  confirm: {top: 1, replicates: 3}
"""
CERTIFICATE_OPTIONS = ("--dask-ca", "--dask-cert", "--dask-key")


def options_of(certificates: Certificates) -> list[str]:
    files = (certificates.ca, certificates.cert, certificates.key)
    return [part for option, file in zip(CERTIFICATE_OPTIONS, files, strict=True) for part in (option, str(file))]


def test_a_worker_killed_in_mid_run_costs_nothing_of_the_answer(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30, replicates=4)
    hold = held(made, after=40)
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker()
        cluster.add_worker()
        process = made.start("run", "--spec", "adaptive.yaml", "--dask", cluster.address, "--quiet")
        wait_for_trials(str(made.ledger), "line", process, 4)
        hold.wait_until_reached(waiting=2)
        cluster.end(cluster.workers[0], signal.SIGKILL)
        hold.lift()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert_whole(str(made.ledger), "line", trials=30)
    trials, _ = read(str(made.ledger), "line")
    assert [t.error for t in trials if t.error] == []


def test_a_set_yields_on_dask_what_it_yields_here(tmp_path: Path) -> None:
    there = line_project(tmp_path / "there", extra="  algorithm: sobol\n  racing: false")
    here = line_project(tmp_path / "here", extra="  algorithm: sobol\n  racing: false")
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker(threads=2)
        ended = there.shipped("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
    assert ended.code == 0, ended.err
    assert here.mops("run", "--spec", "adaptive.yaml").code == 0
    assert answer_of(str(there.ledger), "line") == answer_of(str(here.ledger), "line")


def test_a_particle_filter_gives_on_dask_what_it_gives_here(tmp_path: Path) -> None:
    there, here = (project(tmp_path / name, spec=WALK_SPEC, model=WALK_MODEL) for name in ("there", "here"))
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker(threads=2)
        ended = there.shipped("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
    assert ended.code == 0, ended.err
    assert here.mops("run", "--spec", "adaptive.yaml").code == 0
    assert answer_of(str(there.ledger), "walk") == answer_of(str(here.ledger), "walk")


def test_over_tls(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    (tmp_path / "dask").mkdir()
    certificates = make_certificates(tmp_path / "dask")
    with Cluster(tmp_path / "dask", certificates=certificates) as cluster:
        cluster.add_worker()
        bare = made.mops("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
        ended = made.mops("run", "--spec", "adaptive.yaml", "--dask", cluster.address, *options_of(certificates))
    assert bare.code == 2
    assert "--dask-ca, --dask-cert and --dask-key" in bare.err
    assert ended.code == 0, ended.err
    assert_whole(str(made.ledger), "line", trials=12)


@pytest.mark.parametrize(
    ("address", "says"),
    [("tcp://127.0.0.1:{port}", "127.0.0.1:{port}"), ("nonsense", "tcp://")],
)
def test_a_scheduler_that_does_not_answer_is_one_line(address: str, says: str, tmp_path: Path) -> None:
    port = free_port()
    made = line_project(tmp_path / "line")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--dask", address.format(port=port))
    assert ended.code in (1, 2)
    assert says.format(port=port) in ended.err
    assert "Traceback" not in ended.err
