"""A run's release over its life: rollback, uninstall, purge, backup and restore, other people's Secrets and databases."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.cluster.conftest import Cluster
from tests.cluster.outside import Outside, outside
from tests.cluster.runs import CHART, TRIALS, completed, psql, quick_run, trials
from tests.support.dask_cluster import make_certificates

pytestmark = pytest.mark.cluster
ALL_OF_IT = ("-l", "app.kubernetes.io/name=postgres,app.kubernetes.io/instance=run")


def _ended(cluster: Cluster, namespace: str) -> None:
    cluster.wait("the run's end", lambda: completed(cluster, namespace))


def _password(cluster: Cluster, namespace: str) -> str:
    secret = json.loads(cluster.kubectl("-n", namespace, "get", "secret", "run-postgres", "-o", "json"))
    return base64.b64decode(secret["data"]["PGPASSWORD"]).decode()


def _kept(cluster: Cluster, namespace: str) -> set[str]:
    return set(cluster.kubectl("-n", namespace, "get", "pvc,secret", *ALL_OF_IT, "-o", "name").split())


def test_rollback_uninstall_and_a_new_install_keep_the_ledger_until_it_is_purged(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    flags = ("-n", namespace, *quick_run(tmp_path))
    cluster.helm("install", "run", CHART, *flags)
    _ended(cluster, namespace)
    password = _password(cluster, namespace)
    cluster.helm("upgrade", "run", CHART, *flags, "--set", "workers.slots=2,postgres.database=modelops")
    _ended(cluster, namespace)
    cluster.helm("rollback", "run", "1", "-n", namespace)
    _ended(cluster, namespace)
    assert trials(cluster, namespace, "run") == (TRIALS, 0, 0)

    cluster.helm("uninstall", "run", "-n", namespace, "--wait", "--timeout", "600s")
    assert _kept(cluster, namespace) == {"persistentvolumeclaim/data-run-postgres-0", "secret/run-postgres"}
    cluster.helm("install", "run", CHART, *flags)
    _ended(cluster, namespace)
    assert _password(cluster, namespace) == password
    assert trials(cluster, namespace, "run") == (TRIALS, 0, 0)

    cluster.helm("uninstall", "run", "-n", namespace, "--wait", "--timeout", "600s")
    cluster.kubectl("-n", namespace, "delete", "pvc,secret", *ALL_OF_IT)
    assert _kept(cluster, namespace) == set()


def test_a_rendered_run_is_applied_with_a_secret_of_ones_own_and_a_generated_one_is_never_replaced(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    connection = {"PGHOST": f"run-postgres.{namespace}.svc", "PGPORT": "5432", "PGDATABASE": "modelops"}
    secret = connection | {"PGUSER": "modelops", "PGPASSWORD": "of my own: 'quoted' $\\ \""}
    literals = [f"--from-literal={key}={value}" for key, value in secret.items()]
    cluster.kubectl("-n", namespace, "create", "secret", "generic", "ledger", *literals)
    command = ("template", "run", CHART, "-n", namespace, *quick_run(tmp_path), "--skip-tests")
    for _ in range(2):
        rendered = cluster.helm(*command, "--set", "postgres.auth.existingSecret=ledger")
        cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=rendered)
        _ended(cluster, namespace)
    assert trials(cluster, namespace, "run") == (TRIALS, 0, 0)
    cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=cluster.helm(*command, "--show-only", SECRET))
    with pytest.raises(AssertionError, match="immutable"):
        cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=cluster.helm(*command, "--show-only", SECRET))


SECRET = "charts/postgres/templates/secret.yaml"


def test_a_backup_is_restored_as_the_docs_say(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    backup = ("--set", "postgres.backup.enabled=true,postgres.backup.size=1Gi")
    cluster.helm("install", "run", CHART, "-n", namespace, *quick_run(tmp_path), *backup)
    _ended(cluster, namespace)
    cluster.kubectl("-n", namespace, "create", "job", "dump", "--from=cronjob/run-backup")
    _ended(cluster, namespace)
    assert psql(cluster, namespace, "run", "DROP SCHEMA modelops CASCADE; SELECT 'gone'") == "gone"
    made = ("create", "job", "restore", "--from=cronjob/run-backup", "--dry-run=client", "-o", "json")
    job = json.loads(cluster.kubectl("-n", namespace, *made))
    job["spec"]["template"]["spec"]["containers"][0]["command"][1] = "/etc/modelops/restore.sh"
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(job))
    _ended(cluster, namespace)
    assert trials(cluster, namespace, "run") == (TRIALS, 0, 0)


def _install_with(cluster: Cluster, namespace: str, folder: Path, there: Outside, mode: str, ca: Path | None) -> None:
    """A quick run whose ledger is outside; `ca` goes into its Secret."""
    given = there.literals() + ([f"--from-file=ca.crt={ca}"] if ca else [])
    cluster.kubectl("-n", namespace, "create", "secret", "generic", "ledger", *given)
    store = (
        *("--set", f"centralStore.mode={mode},centralStore.existingSecret=ledger,postgres.enabled=false"),
        *("--set-json", f"networkPolicy.egress={json.dumps(there.egress())}"),
    )
    cluster.helm("install", "run", CHART, "-n", namespace, *quick_run(folder), *store)


@pytest.mark.parametrize("mode", ["external", "managed"])
def test_a_run_keeps_its_ledger_in_a_database_outside_of_the_cluster(
    cluster: Cluster, namespace: str, tmp_path: Path, mode: str
) -> None:
    with outside(tmp_path, tls=mode == "managed") as there:
        _install_with(cluster, namespace, tmp_path, there, mode, there.ca)
        _ended(cluster, namespace)
        cluster.helm("test", "run", "-n", namespace)
        done = "SELECT count(*) FROM modelops.trial WHERE status = 'COMPLETED'"
        assert there.server.execute(done, database="modelops") == [(TRIALS,)]


@pytest.mark.parametrize("given", ["another CA", "no CA"])
def test_a_managed_server_whose_certificate_is_of_another_ca_is_refused_in_one_line(
    cluster: Cluster, namespace: str, tmp_path: Path, given: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    ca = make_certificates(other).ca if given == "another CA" else None
    with outside(tmp_path, tls=True) as there:
        _install_with(cluster, namespace, tmp_path, there, "managed", ca)
        with pytest.raises(AssertionError, match="of no CA that is trusted here") as failed:
            _ended(cluster, namespace)
        assert "Traceback" not in str(failed.value)
        assert str(failed.value).count('"level": "ERROR"') == 1
