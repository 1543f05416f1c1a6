"""`mops adaptive up`: a run on a workspace."""

from __future__ import annotations

from datetime import UTC, datetime

from modelops_runtime.contracts.errors import LedgerError, UserError
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.runner.setup.model_files import code_of
from modelops_runtime.specs.identity import differences_since, written_parts
from modelops_runtime.specs.loading import LoadedSpec
from mops.adaptive import database
from mops.adaptive.database_job import CONNECTION
from mops.adaptive.ledger import NotFromHere, ledger_of
from mops.adaptive.release_ref import ClusterRun, RunRef, find, run_of, worker_job
from mops.adaptive.up_request import UpRequest
from mops.adaptive.worker_jobs import job_failure, job_state, remove_failed_jobs, worker_jobs
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.cluster.access import Access, Kube
from mops.cluster.certificates import client_certificate, is_usable
from mops.cluster.changes import changes
from mops.cluster.errors import ClusterError, naming_files
from mops.cluster.helm import Helm
from mops.cluster.pods import PodState, log_contains, wait_for
from mops.terminal.notify import Notify
from mops.workspace.release_ref import LABEL, Workspace
from mops.workspace.sleep import asleep_since, wake


def preview(access: Access, request: UpRequest) -> list[str]:
    """What `up` would change."""
    helm, kube, ref = Helm(access), Kube(access), request.ref
    workspace = request.found_workspace(helm)
    is_there = kube.has_namespace(ref.namespace)
    release = helm.release(ref.release, ref.namespace)
    if release is not None:
        run_of(ref, release)
    lines = [] if is_there else [f"+ Namespace/{ref.namespace}"]
    if workspace.tls and (not is_there or kube.secret(ref.namespace, ref.dask_secret) is None):
        lines.append(f"+ Secret/{ref.dask_secret}")
    if asleep_since(kube, workspace.ref):
        lines.append(f"~ Deployment/{workspace.ref.workers}  spec.replicas: 0 -> {workspace.values.workers.replicas}")
    values = request.values(workspace)
    if (server := database.server_to_create_on(access, kube, ref, values)) is not None:
        lines.append(f"+ database {database.database_name(server.cluster, ref)} on {server.host}")
        lines.append(f"+ Secret/{database.managed_secret(values)}")
    values = database.with_addresses(kube, ref, values, database.addresses_of)
    with naming_files(request.values_files):
        after = helm.preview(ref.release, ref.namespace, values, is_there=is_there)
    return lines + changes(release.resources if release else (), after)


def up(access: Access, request: UpRequest, *, timeout_s: float, notify: Notify) -> ClusterRun:
    """Start the run, or continue it, and wait until a worker has begun (or the run is over). Safe to repeat.

    Raises UserError before anything is created, ClusterError if the cluster refuses.
    """
    helm, kube, ref = Helm(access), Kube(access), request.ref
    workspace = request.found_workspace(helm)
    values = request.values(workspace)
    server = database.server_to_create_on(access, kube, ref, values)
    if kube.ensure_namespace(ref.namespace, {LABEL: workspace.ref.namespace}):
        notify(f"namespace {ref.namespace}: made")
    release = helm.release(ref.release, ref.namespace)
    if release is not None:
        _refuse_changed_spec(access, run_of(ref, release), request.loaded)
    if workspace.tls:
        _write_certificate(kube, workspace, ref)
    request.pull_secret.write(kube, ref.namespace)
    if server is not None:
        with naming_files(request.values_files):
            rendered = helm.preview(ref.release, ref.namespace, values, is_there=True)
        secret = database.managed_secret(values)
        database.create(kube, ref, server, secret, worker_job(rendered), timeout_s=timeout_s, notify=notify)
    _check_store(kube, ref, values)
    values = database.with_addresses(kube, ref, values, database.addresses_of)
    remove_failed_jobs(kube, ref)
    wake(kube, workspace, notify)
    with naming_files(request.values_files):
        revision = helm.deploy(ref.release, ref.namespace, values, timeout_s)
    notify(f"release {ref.namespace}/{ref.release}: revision {revision}")
    run = find(helm, ref.run_id, ref.namespace)
    wait_for(
        kube, ref.namespace, ref.release, is_there=lambda pods: _is_at_work(access, kube, run, pods),
        timeout_s=timeout_s, again=ref.up_command(request.loaded.path), notify=notify,
    )  # fmt: skip
    return run


def _refuse_changed_spec(access: Access, run: ClusterRun, loaded: LoadedSpec) -> None:
    """Check that the spec is still that of the ledger, before anything is replaced. If unknown, the workers check it.

    Raises UserError.
    """
    try:
        with ledger_of(access, run) as ledger:
            ledger_run = None if ledger is None else ledger.get_run(run.ref.run_id)
            if ledger is None or ledger_run is None:
                return
            now = written_parts(loaded, code=code_of(loaded))
            differences = differences_since(ledger_run.spec, ledger_run.identity_parts, now)
            begun = any(t.status is TrialStatus.COMPLETED for t in ledger.trials(ledger_run.run_id, phase="search"))
    except (ClusterError, LedgerError):
        return
    if differences and begun:
        raise UserError(
            f"run {ledger_run.run_id!r} exists with another spec ({'; '.join(map(str, differences))}); "
            f"give --run-id NEW for a run of its own, or take it away first: `{run.ref.command('down')} --purge`"
        )


def _write_certificate(kube: Kube, workspace: Workspace, ref: RunRef) -> None:
    """A client certificate for the run, signed by the workspace's CA; or the certificates that were given."""
    source = workspace.given_secret or workspace.ca_secret
    source_data = kube.secret(workspace.ref.namespace, source)
    if source_data is None:
        what = f"workspace {workspace.ref.name!r} has no Secret {source}"
        raise ClusterError(what, f"`mops workspace up {workspace.ref.name}{ref.flags}` makes its own again")
    current = kube.secret(ref.namespace, ref.dask_secret)
    now = datetime.now(UTC)
    if workspace.given_secret:
        entries = {key: source_data[key] for key in ("ca.crt", "tls.crt", "tls.key")}
    elif (
        current is not None
        and current.get("ca.crt") == source_data["ca.crt"]
        and is_usable(current["tls.crt"], current["ca.crt"], now)
    ):
        return
    else:
        certificate, key = client_certificate(
            source_data["ca.crt"], source_data["ca.key"], f"{ref.namespace}/{ref.release}", now
        )
        entries = {"ca.crt": source_data["ca.crt"], "tls.crt": certificate, "tls.key": key}
    if current != entries:
        labels = {"app.kubernetes.io/instance": ref.release, "app.kubernetes.io/component": "tls"}
        kube.write_secret(ref.namespace, ref.dask_secret, "kubernetes.io/tls", entries, labels)


def _check_store(kube: Kube, ref: RunRef, values: AdaptiveRunValues) -> None:
    """Check that the spec's Secret exists and has the connection data."""
    name = values.central_store.existing_secret or values.postgres.auth.existing_secret
    if not name:
        return
    secret = kube.secret(ref.namespace, name)
    other = ", or give --infra azure" if values.central_store.mode == "managed" else ""
    keys = f"{', '.join(CONNECTION[:-1])} and {CONNECTION[-1]}"
    if secret is None:
        raise UserError(f"there is no Secret {name} in namespace {ref.namespace}; make one with {keys}{other}")
    missing = [key for key in CONNECTION if key not in secret]
    if missing:
        raise UserError(f"Secret {ref.namespace}/{name} has no {', '.join(missing)}; it needs {keys}")


def _is_at_work(access: Access, kube: Kube, run: ClusterRun, pods: list[PodState]) -> bool:
    """Whether a worker has checked spec and model and begun, or the Job is over. Raises ClusterError if it has failed."""
    ref = run.ref
    jobs = worker_jobs(kube, ref)
    if not jobs:
        return False
    state = job_state(jobs[-1])
    if state == "Failed":
        raise job_failure(kube, ref)
    workers = [pod for pod in pods if pod.component == "worker" and pod.name.startswith(jobs[-1].metadata.name)]
    if state == "Complete":
        return True
    if not any(pod.is_ready for pod in workers) or not all(pod.is_ready for pod in pods if pod.component == "database"):
        return False
    try:
        with ledger_of(access, run) as ledger:
            return ledger is not None and ledger.get_run(ref.run_id) is not None
    except NotFromHere:
        return any(log_contains(kube, ref.namespace, pod.name, '"run_started"') for pod in workers)
    except (ClusterError, LedgerError):  # Postgres is still starting: its pods show what is wrong
        return False
