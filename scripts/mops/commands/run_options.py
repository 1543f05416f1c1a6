"""What `mops run` was given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mops.cluster.chosen_cluster import ChosenCluster

if TYPE_CHECKING:
    from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Its options, as they were given; None, False and empty: not given."""

    spec: Path
    run_id: str | None
    out: Path | None
    as_json: bool
    quiet: bool
    values_files: tuple[Path, ...]
    cluster: ChosenCluster
    workspace: str | None
    namespace: str | None
    ledger_url: str | None
    workers: int | None
    trials: int | None
    dask: str | None
    dask_ca: Path | None
    dask_cert: Path | None
    dask_key: Path | None
    fresh: bool
    large: bool

    def local_options(self) -> list[str]:
        """Those given that only a run on this machine has."""
        given = {
            "--ledger": self.ledger_url,
            "--workers": self.workers,
            "--trials": self.trials,
            "--dask": self.dask,
            "--dask-ca": self.dask_ca,
            "--dask-cert": self.dask_cert,
            "--dask-key": self.dask_key,
            "--fresh": self.fresh or None,
            "--large": self.large or None,
        }
        return [name for name, value in given.items() if value is not None]

    def cluster_options(self) -> list[str]:
        """Those given that only a run on a cluster has."""
        given = {"--namespace": self.namespace, "--values": self.values_files}
        return [name for name, value in given.items() if value] + [*self.cluster.options()]

    def dask_scheduler(self) -> SchedulerAddress | None:
        """The scheduler that simulates; None: this machine. Raises UserError for options that do not go together."""
        from modelops_runtime.contracts.errors import UserError
        from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress

        files = (self.dask_ca, self.dask_cert, self.dask_key)
        if self.dask is None:
            if any(files):
                raise UserError("--dask-ca, --dask-cert and --dask-key go with --dask tls://...")
            return None
        if self.dask.startswith("tls://") and not all(files):
            raise UserError("a tls:// scheduler needs --dask-ca, --dask-cert and --dask-key")
        return SchedulerAddress(address=self.dask, ca=self.dask_ca, cert=self.dask_cert, key=self.dask_key)
