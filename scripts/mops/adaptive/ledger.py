"""The ledger of a run on a cluster, from here: its Postgres by port-forward, with the Secret's own credentials."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from modelops_runtime.contracts.errors import NotLetIn, Unreachable, UserError
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.opening import ledger_exists, open_ledger
from modelops_runtime.ledger.tls import verified
from mops.adaptive.release_ref import ClusterRun, RunRef
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError, Forbidden
from mops.cluster.forward import forwarded_port
from mops.cluster.pods import pods_of

PORT = 5432


class NotFromHere(ClusterError):
    """The run's Postgres cannot be reached from this machine, although pods of its namespace may reach it."""


@contextlib.contextmanager
def ledger_of(access: Access, run: ClusterRun) -> Iterator[Ledger | None]:
    """The run's ledger, or None until its workers have created it. Raises NotFromHere, ClusterError, LedgerError."""
    with ledger_url(access, run) as url:
        try:
            is_there = ledger_exists(url)
        except (Unreachable, NotLetIn) as error:
            if run.is_in_cluster:
                raise
            raise NotFromHere(f"the run's Postgres does not answer here ({error})") from error
        if not is_there:
            yield None
            return
        ledger = open_ledger(url, create=False)
        try:
            yield ledger
        finally:
            ledger.close()


@contextlib.contextmanager
def ledger_url(access: Access, run: ClusterRun) -> Iterator[str]:
    """postgresql://..., valid inside the block. It holds the password: never show it. Raises NotFromHere, ClusterError."""
    ref = run.ref
    secret = Kube(access).secret(ref.namespace, run.store_secret)
    if secret is None:
        raise ClusterError(
            f"there is no Secret {ref.namespace}/{run.store_secret}, which says how the ledger is reached",
            f"`{ref.up_command()}` makes it again",
        )
    entries = {key: value.decode() for key, value in secret.items() if key.startswith("PG")}
    if missing := {"PGHOST", "PGDATABASE", "PGUSER", "PGPASSWORD"} - entries.keys():
        raise UserError(f"Secret {ref.namespace}/{run.store_secret} has no {', '.join(sorted(missing))}")
    if not run.is_in_cluster:
        url = _url(entries, entries["PGHOST"], int(entries.get("PGPORT", PORT)))
        if run.values.central_store.mode == "managed":
            with _temporary_file(secret.get("ca.crt")) as ca:
                yield verified(url, ca)
        else:
            yield url
        return
    with contextlib.ExitStack() as stack:
        try:
            forwarding = forwarded_port(access, ref.namespace, lambda: f"{ref.release}-postgres-0", PORT)
            port = stack.enter_context(forwarding)
        except ClusterError as error:
            if isinstance(error, Forbidden) or _is_database_ready(access, ref):
                raise NotFromHere(f"no port of the run's Postgres can be forwarded ({error.what})") from error
            raise
        yield _url(entries, "127.0.0.1", port)


def _is_database_ready(access: Access, ref: RunRef) -> bool:
    database = pods_of(Kube(access), ref.namespace, ref.release, "database")
    return bool(database) and all(pod.is_ready for pod in database)


@contextlib.contextmanager
def _temporary_file(content: bytes | None) -> Iterator[Path | None]:
    """A temporary file with the certificate: libpq takes nothing else."""
    if content is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="modelops-ca-", suffix=".crt") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _url(entries: dict[str, str], host: str, port: int) -> str:
    user, password, database = (quote(entries[key], safe="") for key in ("PGUSER", "PGPASSWORD", "PGDATABASE"))
    return f"postgresql://{user}:{password}@{host}:{port}/{database}"
