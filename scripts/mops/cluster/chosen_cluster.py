"""Which cluster a command's options choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from mops.cluster.access import Access


@dataclass(frozen=True)
class ChosenCluster:
    """The options of a command that choose a cluster."""

    kubeconfig: Path | None
    context: str | None
    infra: str | None
    config: Path | None
    confirm: Callable[[str, str], bool] = field(repr=False)
    """Asked before a secret is sent to an unknown host, as `mops_azure.connect.connect` says."""

    def options(self) -> dict[str, object]:
        """Those that were given."""
        given = {"--kubeconfig": self.kubeconfig, "--context": self.context, "--infra": self.infra}
        given["--config"] = self.config
        return {name: value for name, value in given.items() if value is not None}

    def _flags(self) -> str:
        return "".join(f" {name} {value}" for name, value in self.options().items())

    @contextmanager
    def access(self) -> Iterator[Access]:
        """The kubeconfig of a cluster on Azure is fetched, and removed afterwards.

        Raises UserError for options that do not go together, and what `azure_cluster` raises.
        """
        if self.infra is None:
            if self.config is not None:
                raise UserError("--config is the provider config of --infra azure; give both")
            yield Access(self.kubeconfig, self.context, flags=self._flags())
            return
        others = [name for name in self.options() if name in ("--kubeconfig", "--context")]
        if others:
            raise UserError(f"--infra {self.infra} fetches the kubeconfig; leave {' and '.join(others)} out")
        from mops.cluster.azure import azure_cluster

        with azure_cluster(self.config, confirm=self.confirm) as found:
            yield Access(found.kubeconfig, registry=found.registry, flags=self._flags(), database=found.database)
