"""Helm, driven by pyhelm3. A release is the only state there is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from modelops_runtime.contracts.errors import UserError
from mops.charts.base import ChartValues
from mops.cluster.access import Access
from mops.cluster.errors import translated_errors

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pyhelm3 import Client, Command

OLDEST, BELOW = (4, 2, 4), (5, 0, 0)
PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")
PENDING_LIMIT_S = 30.0
"""Our helm calls never wait for pods, so a release pending for longer was interrupted."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Release:
    """The current state of a release."""

    name: str
    namespace: str
    revision: int
    status: str
    updated: datetime
    chart: str = ""
    """`dask-workspace-0.1.0`"""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Those that were given."""
    resources: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """Resources of its manifest, including Secrets, so never log them."""


def helm_version() -> str | None:
    """Of the helm on PATH, without a v; None where there is none."""
    if shutil.which("helm") is None:
        return None
    done = subprocess.run(
        ["helm", "version", "--template", "{{ .Version }}"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip().removeprefix("v") or None


class VersionProblem(NamedTuple):
    """What is wrong with a version of helm, and what would be right."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def version_problem(version: str | None) -> VersionProblem | None:
    """None for a version that fits."""
    remedy = f"install Helm {'.'.join(map(str, OLDEST))} or later, below {BELOW[0]}: https://helm.sh/docs/intro/install"
    if version is None:
        return VersionProblem("there is no helm on PATH", remedy)
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    fits = found is not None and OLDEST <= tuple(map(int, found.groups())) < BELOW
    return None if fits else VersionProblem(f"helm is {version}", remedy)


def chart_path(name: str) -> Path:
    """The chart of this package, or of the source tree."""
    packaged = Path(__file__).resolve().parents[1] / "charts" / "packaged" / name
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "charts" / name


def unknown_values(release: Release, error: ValidationError) -> str:
    """The error for a release whose values our chart does not accept, as from another version."""
    from modelops_runtime.specs.messages import mistakes_of

    first = mistakes_of(error)[0]
    where = f"release {release.namespace}/{release.name} ({release.chart or 'chart unknown'})"
    return f"{where}: {first.wrong}; use the version of mops that made it, or `helm` itself"


class Helm:
    """The helm commands that we use. Each finishes without waiting for pods."""

    def __init__(self, access: Access) -> None:
        if problem := version_problem(helm_version()):
            raise UserError(str(problem))
        access.check()  # helm reports an unreadable kubeconfig as a cluster that does not answer
        self.access = access

    def release(self, name: str, namespace: str) -> Release | None:
        """The release with its values and resources, or None."""
        from pyhelm3.errors import ReleaseNotFoundError

        async def read(client: Client, _: Command) -> Release | None:
            try:
                revision = await client.get_current_revision(name, namespace=namespace)
            except ReleaseNotFoundError:
                return None
            return Release(
                name=name,
                namespace=namespace,
                revision=revision.revision,
                status=str(revision.status.value),
                updated=revision.updated.astimezone(UTC),
                values=await revision.values() or {},
                resources=tuple(resource for resource in await revision.resources() if resource),
            )

        return self._call(f"reading release {namespace}/{name}", read)

    def releases(self, chart: str, namespace: str | None = None) -> list[Release]:
        """All releases of a chart, in one namespace or in all; without their values."""

        async def read(client: Client, _: Command) -> list[Release]:
            listed = await client.list_release_definitions(
                all_namespaces=namespace is None, namespace=namespace, include_failed=True, include_pending=True,
                include_uninstalling=True, max_releases=0,
            )  # fmt: skip
            return [_listed(one) for one in listed if str(one["chart"]).rpartition("-")[0] == chart]

        return self._call("listing releases", read)

    def deploy(self, name: str, namespace: str, values: ChartValues, timeout_s: float) -> int:
        """Install or upgrade; an interrupted release is repaired first. Returns the revision."""
        self._recover_pending(name, namespace, timeout_s)

        async def apply(client: Client, _: Command) -> int:
            revision = await client.install_or_upgrade_release(
                name, await client.get_chart(chart_path(values.chart)), values.for_helm(), namespace=namespace,
                create_namespace=False, timeout=f"{timeout_s:.0f}s",
            )  # fmt: skip
            return revision.revision

        return self._call(f"deploying release {namespace}/{name}", apply)

    def preview(
        self, name: str, namespace: str, values: ChartValues, *, is_there: bool
    ) -> tuple[Mapping[str, Any], ...]:
        """The resources that `deploy` would apply. If the namespace `is_there`, the cluster itself does the dry run."""
        import yaml

        chart = chart_path(values.chart)
        dry_run = ["upgrade", name, str(chart), "--install", "--dry-run=server", "--values", "-"]
        dry_run += ["--namespace", namespace, "--output", "json"]

        async def render(client: Client, command: Command) -> tuple[Mapping[str, Any], ...]:
            if is_there:  # a client-side dry run does not let the chart look up what it created before
                answer = await command.run(dry_run, json.dumps(values.for_helm()).encode())
                # Kubernetes' YAML is 1.1, where 0440 is octal.
                rendered = tuple(yaml.safe_load_all(json.loads(answer)["manifest"]))
            else:
                rendered = await client.template_resources(
                    await client.get_chart(chart), name, values.for_helm(), namespace=namespace, no_hooks=True
                )
            return tuple(resource for resource in rendered if resource)

        return self._call(f"rendering chart {values.chart}", render)

    def uninstall(self, name: str, namespace: str, timeout_s: float) -> None:
        """Remove the release, if any, except what its chart keeps."""

        from pyhelm3.errors import ReleaseNotFoundError

        async def remove(_: Client, command: Command) -> None:
            # Only `--debug` names the right that was missing, and the client's own call has no such argument.
            with contextlib.suppress(ReleaseNotFoundError):
                await command.uninstall(name, debug=True, namespace=namespace, timeout=f"{timeout_s:.0f}s")

        self._call(f"uninstalling release {namespace}/{name}", remove)

    def _recover_pending(self, name: str, namespace: str, timeout_s: float) -> None:
        """Repair a release that a killed helm left pending, so that it can be upgraded."""
        while (release := self.release(name, namespace)) is not None and release.status in PENDING:
            if (datetime.now(UTC) - release.updated).total_seconds() < PENDING_LIMIT_S:
                time.sleep(1)  # another helm may be running
                continue

            async def proceed(client: Client, _: Command) -> None:
                await client.get_proceedable_revision(name, namespace=namespace, timeout=f"{timeout_s:.0f}s")

            self._call(f"repairing release {namespace}/{name}, which is {release.status}", proceed)
            return

    def _call(self, action: str, use: Callable[[Client, Command], Coroutine[Any, Any, T]]) -> T:
        """Values are passed to helm on standard input, so that no argument or log holds one."""
        from pyhelm3 import Client
        from pyhelm3.command import Command

        with translated_errors(action), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            command = Command(kubeconfig=self.access.kubeconfig, kubecontext=self.access.context)
            return asyncio.run(use(Client(command), command))


def _listed(one: Mapping[str, Any]) -> Release:
    return Release(
        name=str(one["name"]),
        namespace=str(one["namespace"]),
        revision=int(one["revision"]),
        status=str(one["status"]),
        updated=_time(str(one["updated"])),
        chart=str(one["chart"]),
    )


def _time(text: str) -> datetime:
    """Of `helm list`: 2026-01-02 03:04:05.678901234 +0000 UTC."""
    date, clock, zone = text.split()[:3]
    return datetime.strptime(f"{date} {clock[:15]} {zone}", "%Y-%m-%d %H:%M:%S.%f %z")
