"""`mops adaptive down`: fetch the results, then remove the run."""

from __future__ import annotations

from pathlib import Path

from modelops_runtime.contracts.errors import ModelOpsError
from mops.adaptive import database
from mops.adaptive.release_ref import ClusterRun, RunRef, worker_job
from mops.adaptive.results import fetch
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError, translated_errors
from mops.cluster.helm import Helm
from mops.cluster.pods import wait_for
from mops.terminal.notify import Notify


def save(access: Access, run: ClusterRun, to: Path, notify: Notify) -> list[Path]:
    """Fetch the results before they may be lost. Raises ClusterError that says how to continue without."""
    try:
        return fetch(access, run, to, notify=notify)
    except ModelOpsError as error:
        raise ClusterError(
            f"the results cannot be fetched, so nothing was removed: {error}",
            f"`{run.ref.command('down')} --discard` removes it without them",
        ) from error


def remove(access: Access, ref: RunRef, *, purge: bool, timeout_s: float, notify: Notify) -> None:
    """Remove the release, and with `purge` the ledger's disk or database, its Secrets, and the namespace if `up` created it.

    Safe to run again, also after the release is gone. Raises UserError before anything is removed.
    """
    helm, kube = Helm(access), Kube(access)
    run_database = database.find_database(kube, ref) if purge else None
    server = None if run_database is None else database.admin_server(access, ref, run_database)
    release = None if run_database is None else helm.release(ref.release, ref.namespace)
    helm.uninstall(ref.release, ref.namespace, timeout_s)
    wait_for(
        kube, ref.namespace, ref.release, is_there=lambda pods: not pods, timeout_s=timeout_s,
        again=ref.command("down"), notify=lambda _: None,
    )  # fmt: skip
    notify(f"release {ref.namespace}/{ref.release}: gone")
    if not purge:
        notify(f"its ledger is kept: `{ref.up_command()}` goes on, `{ref.command('down')} --purge` deletes it")
        return
    if run_database is not None:
        worker = worker_job(release.resources) if release else None
        database.drop(kube, ref, server, run_database, worker, timeout_s=timeout_s, notify=notify)
    selector = f"app.kubernetes.io/instance={ref.release}"
    with translated_errors(f"deleting what is left in {ref.namespace}"):
        kube.core.delete_collection_namespaced_persistent_volume_claim(ref.namespace, label_selector=selector)
        kube.core.delete_collection_namespaced_secret(ref.namespace, label_selector=selector)
    notify("its ledger and Secrets: gone")
    if kube.is_made_by_mops(ref.namespace):
        kube.delete_namespace(ref.namespace)
        notify(f"namespace {ref.namespace}: going")
