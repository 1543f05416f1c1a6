"""From what a command was given to what `up` is asked for."""

from __future__ import annotations

import re
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.specs.cluster import DNS_LABEL
from modelops_runtime.specs.loading import load_spec
from mops.adaptive.up import UpRequest
from mops.cluster.pull_secrets import PullSecret


def wanted(
    spec: Path,
    *,
    run_id: str | None,
    workspace: str | None,
    workspace_namespace: str | None = None,
    namespace: str | None = None,
    flags: str = "",
    values_files: tuple[Path, ...] = (),
    pull_secret: PullSecret | None = None,
) -> UpRequest:
    """Reads and checks the spec. Raises SpecErrors, UserError."""
    loaded = load_spec(spec)
    name = run_id or loaded.spec.name
    if not re.fullmatch(DNS_LABEL, name):
        raise UserError(f"the run's id is {name!r}; it must be a-z, 0-9 and -, up to 63 characters")
    return UpRequest(
        loaded=loaded,
        run_id=name,
        workspace=workspace,
        workspace_namespace=workspace_namespace,
        namespace=namespace,
        flags=flags,
        values_files=values_files,
        pull_secret=pull_secret or PullSecret(None, None),
    )
