"""Bindings to the Azure plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mops_azure.bindings import DatabaseBinding as DatabaseBinding


@dataclass(frozen=True, kw_only=True)
class AzureCluster:
    """A cluster on Azure, with its registry and database server."""

    kubeconfig: Path
    registry: str | None
    """Where its images are; None: where the charts say."""
    database: Callable[[], DatabaseBinding | None]
    """Asks for its managed database server; None where there is none."""


@contextmanager
def azure_cluster(config_path: Path | None, *, confirm: Callable[[str, str], bool]) -> Iterator[AzureCluster]:
    """The cluster of a provider config (None: as `mops-azure` finds it), by a kubeconfig that is gone afterwards.

    `confirm` is that of `mops_azure.connect.connect`.

    Raises UserError when there is no such cluster or it is stopped, SpecErrors, AzureError, Unreachable.
    """
    from mops_azure.bindings import cluster_binding, database_binding, kubeconfig_file
    from mops_azure.config import CONFIG_VARIABLE, DEFAULT_PATH, load_config
    from mops_azure.connect import connect

    config = load_config(config_path or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_PATH))
    arm = connect(config, confirm=confirm)
    binding = cluster_binding(config, arm)
    with kubeconfig_file(binding) as kubeconfig:
        yield AzureCluster(
            kubeconfig=kubeconfig, registry=binding.acr_login_server, database=lambda: database_binding(config, arm)
        )
