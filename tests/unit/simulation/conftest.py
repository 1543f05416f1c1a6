"""Executors for the tests of this folder, and proof that they leave nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `jobs`, by a name that the simulations' processes can import

from helpers import Bench

from tests.support.dask_cluster import Certificates, Cluster, make_certificates

IMPORTABLE = {"PYTHONPATH": str(Path(__file__).parent)}


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    """Two slots, a long time limit; shared by the tests of a module, since none may harm another."""
    with Bench(slots=2, timeout_s=300.0) as bench:
        yield bench


@pytest.fixture(scope="module")
def hasty() -> Iterator[Bench]:
    """Two slots, a short time limit."""
    with Bench(slots=2, timeout_s=5.0) as bench:
        yield bench


@pytest.fixture(scope="module")
def small() -> Iterator[Bench]:
    """One slot, 256 MiB."""
    with Bench(slots=1, timeout_s=300.0, memory_bytes=256 * 2**20) as bench:
        yield bench


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA and a certificate."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def plain_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and a worker of two threads; no test may harm it."""
    with Cluster(tmp_path_factory.mktemp("dask"), env=IMPORTABLE) as cluster:
        cluster.add_worker(threads=2)
        yield cluster


@pytest.fixture(scope="session")
def tls_cluster(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Cluster]:
    """The same over TLS."""
    with Cluster(tmp_path_factory.mktemp("dask-tls"), certificates=certificates, env=IMPORTABLE) as cluster:
        cluster.add_worker(threads=2)
        yield cluster
