"""`central_store: {mode: managed}` with `--infra azure`: a run's database on a real Postgres that plays Azure's."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.azure.arm_server import ArmServer
from tests.azure.conftest import Mops, arm, certificate, config, environment, mops_azure  # noqa: F401
from tests.azure.test_parts import ADMIN, PASSWORD
from tests.cluster.command_line import RUN_VALUES, unique, well, workspace_yaml
from tests.cluster.conftest import Cluster
from tests.cluster.outside import OUTSIDE, Outside, outside
from tests.support.projects import Ended, Project, line_spec, project

pytestmark = pytest.mark.cluster

MANAGED = """
workers: {replicas: 2, resources: {requests: {cpu: 50m, memory: 256Mi}}}
central_store: {kind: postgres, mode: managed, existing_secret: ledger}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Outside]:
    """As Azure's: TLS alone, passwords, an admin who is no superuser, and nobody let in but the cluster."""
    (tmp_path / "server").mkdir()
    with outside(tmp_path / "server", tls=True, port=5432, pods_alone=True) as there:
        there.server.execute(f"CREATE ROLE modelops_admin LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'")
        there.server.execute("ALTER DATABASE modelops OWNER TO modelops_admin")
        yield there


@pytest.fixture
def azure(arm: ArmServer, config, mops_azure: Mops, server: Outside) -> Path:  # noqa: F811
    """The provider config of a cluster and a database that were created."""
    path = config(postgres={"enabled": True, "name": "anna-db", "ca_file": str(server.ca)})
    made = mops_azure("create", "-y", config=path, env=ADMIN)
    assert made.returncode == 0, made.stderr
    arm.kubeconfig = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    (database,) = (one for key, one in arm.resources.items() if key.split("/")[-2] == "flexibleservers")
    database["properties"]["fullyQualifiedDomainName"] = OUTSIDE
    return path


Line = Callable[..., Project]


@pytest.fixture
def line(azure: Path, environment: dict[str, str], tmp_path: Path) -> Line:  # noqa: F811
    """Makes a run's folder, with an environment in which Azure alone knows the cluster."""

    def make(name: str, **env: str) -> Project:
        made = project(tmp_path / name, spec=line_spec(trials=8, extra=MANAGED))
        return Project(made.root, {**environment, **ADMIN, "MOPS_AZURE_CONFIG": str(azure), **env})

    return make


@pytest.fixture
def names(cluster: Cluster, line: Line) -> Iterator[tuple[str, str]]:
    """Of two runs; the first one's is the workspace's too."""
    names = unique("managed"), unique("managed")
    yield names
    for name in names:
        line(f"end-{name}").mops("adaptive", "down", name, "--purge", "--discard", "--infra", "azure")
    line("end").mops("workspace", "down", names[0], "--purge", "--infra", "azure")


def databases(server: Outside) -> set[str]:
    return {name for (name,) in server.server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'managed%'")}


def holders_of(cluster: Cluster, text: str, namespace: str) -> set[str]:
    """What in the namespace holds `text`, plain or in base64."""
    coded = base64.b64encode(text.encode()).decode()
    listed = cluster.kubectl("-n", namespace, "get", "secrets,configmaps,jobs,pods,events", "-o", "json")
    return {
        f"{one['kind']}/{one['metadata']['name']}"
        for one in json.loads(listed)["items"]
        if text in json.dumps(one) or coded in json.dumps(one)
    }


def test_each_run_gets_a_database_and_takes_it_along_when_it_is_purged(
    cluster: Cluster, server: Outside, names: tuple[str, str], line: Line, tmp_path: Path
) -> None:
    def mops(folder: str, *args: str, **env: str) -> Ended:
        return line(folder, **env).mops(*args)

    azure = ("--infra", "azure")
    well(mops("ws", "workspace", "up", names[0], "--file", str(workspace_yaml(tmp_path, replicas=1)), *azure))
    which = [("adaptive.yaml", "--workspace", names[0], "--run-id", name, *azure, *RUN_VALUES) for name in names]

    assert "+ Secret/ledger" in well(mops("dry", "adaptive", "up", *which[0], "--dry-run"))
    unknown = mops("unknown", "adaptive", "up", *which[0], MODELOPS_POSTGRES_PASSWORD="")
    assert (unknown.code, "MODELOPS_POSTGRES_PASSWORD" in unknown.err) == (2, True)
    wrong = mops("wrong", "adaptive", "up", *which[0], MODELOPS_POSTGRES_PASSWORD="Another-Pass-1")
    assert (wrong.code, "the server refuses this user or password" in wrong.err) == (1, True)
    assert databases(server) == set()

    for name, flags in zip(names, which, strict=True):
        ended = mops(name, "run", "--spec", *flags, "--json")
        assert json.loads(well(ended).splitlines()[-1])["state"] == "COMPLETED"
    made = databases(server)
    assert {name.rpartition("_")[0].replace("_", "-") for name in made} == set(names)
    for one in made:
        assert server.server.execute("SELECT count(*) FROM modelops.trial", database=one)[0][0] >= 8

    namespace = f"modelops-run-{names[1]}"
    kept = json.loads(cluster.kubectl("-n", namespace, "get", "secret", "ledger", "-o", "json"))["data"]
    password = base64.b64decode(kept["PGPASSWORD"]).decode()
    assert holders_of(cluster, PASSWORD, namespace) == set()
    assert holders_of(cluster, password, namespace) == {"Secret/ledger"}
    release = cluster.helm("get", "all", names[1], "--namespace", namespace)
    assert ("existingSecret: ledger" in release, PASSWORD in release, password in release) == (True, False, False)
    wanted = ("-n", namespace, "annotate", "--overwrite", "secret", "ledger", "modelops.io/database=wanted")
    cluster.kubectl(*wanted)  # as after a stop before the Job was done
    well(mops("again", "adaptive", "up", *which[1]))
    assert databases(server) == made
    assert f"{names[1]}: completed" in well(mops("status", "adaptive", "status", names[1], *azure))
    beside = mops("beside", "adaptive", "up", *which[0][:4], "third", *which[0][5:], "--namespace", namespace)
    assert (beside.code, f"Secret ledger is of run '{names[1]}'; write another existing_secret" in beside.err) == (
        2,
        True,
    )

    down = ("adaptive", "down", names[1])
    alone = mops("alone", *down, "--purge", "--discard", KUBECONFIG=os.environ["KUBECONFIG"])
    assert (alone.code, "needs the server's admin; give --infra azure" in alone.err) == (2, True)
    well(mops("kept", *down, *azure))
    assert databases(server) == made
    well(mops("purged", *down, "--purge", "--discard", *azure))
    (left,) = databases(server)
    assert left.startswith(names[0].replace("-", "_"))
