"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from modelops_cli.output import echo_line
from modelops_cli.questions import confirm_unknown_host
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.specs.cluster import MOST_WORKERS
from mops.cluster.chosen_cluster import ChosenCluster
from mops.cluster.pull_secrets import VARIABLE as PULL_SECRET_VARIABLE
from mops.cluster.pull_secrets import PullSecret


def seconds(timeout: str) -> float:
    """Of a --timeout. Raises UserError."""
    from modelops_runtime.specs.scalars import parse_duration

    try:
        return parse_duration(timeout)
    except ValueError as error:
        raise UserError(f"--timeout: {error}, and is above 0") from None


def _as_seconds(_: click.Context, __: click.Parameter, timeout: str) -> float:
    return seconds(timeout)


def not_empty(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    """A shell's unset variable is no name."""
    if name is not None and not name.strip():
        raise click.BadParameter("it is empty; give a name")
    return name


class WorkersType(click.IntRange):
    """A number of workers."""

    def __init__(self) -> None:
        super().__init__(min=0, max=MOST_WORKERS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a whole number from 0 to {MOST_WORKERS:,}", param, ctx)


json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would change; nothing is changed.")
tail_option = click.option(
    "--tail", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Lines of each pod."
)
follow_option = click.option("--follow", "-f", is_flag=True, help="Go on with new lines as they come, of new pods too.")
timeout_option = click.option(
    "--timeout",
    default="10m",
    show_default=True,
    metavar="TIME",
    callback=_as_seconds,
    help="How long to wait for pods: 90s, 15m, 1h.",
)


def values_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--values", "values_files", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Chart values on top of the spec's, as with helm; may be given several times.",
    )(function)  # fmt: skip


def chosen_cluster_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--kubeconfig, --context, --infra and --config, handed on as `cluster`."""
    file = click.Path(path_type=Path, dir_okay=False)

    @click.option("--kubeconfig", type=file, metavar="FILE", help="Default: KUBECONFIG, else ~/.kube/config.")
    @click.option("--context", metavar="NAME", help="A context in it; default: the current one.")
    @click.option("--infra", type=click.Choice(["azure"]), help="Instead: the cluster that `mops-azure create` made.")
    @click.option("--config", type=file, metavar="FILE",
                  help="With --infra: the provider config that `mops-azure` takes.")  # fmt: skip
    @functools.wraps(function)
    def with_cluster(
        *args: Any, kubeconfig: Path | None, context: str | None, infra: str | None, config: Path | None, **more: Any
    ) -> Any:
        cluster = ChosenCluster(kubeconfig, context, infra, config, confirm=confirm_unknown_host)
        return function(*args, cluster=cluster, **more)

    return with_cluster


def cluster_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, handed on as the `access` to it."""

    @chosen_cluster_options
    @functools.wraps(function)
    def with_access(*args: Any, cluster: ChosenCluster, **more: Any) -> Any:
        with cluster.access() as access:
            return function(*args, access=access, **more)

    return with_access


def pull_secret_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--pull-secret and --pull-secret-file, handed on as `pull_secret`."""

    @click.option("--pull-secret", "pull_secret_name", metavar="NAME",
                  help="A Secret of the namespace with which images are pulled.")  # fmt: skip
    @click.option("--pull-secret-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                  help=f"A docker config.json to make it of; or its text in the variable {PULL_SECRET_VARIABLE}.")  # fmt: skip
    @functools.wraps(function)
    def with_secret(*args: Any, pull_secret_name: str | None, pull_secret_file: Path | None, **more: Any) -> Any:
        return function(*args, pull_secret=PullSecret(pull_secret_name, pull_secret_file), **more)

    return with_secret


def notify(text: str) -> None:
    """How far a command is: a line on standard error."""
    echo_line(text, err=True)


def show_lines(lines: Iterable[str]) -> None:
    """As they come; Ctrl-C ends it, with exit code 130."""
    try:
        for line in lines:
            echo_line(line)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None


@contextmanager
def going_on_later(command: str) -> Iterator[None]:
    """Ctrl-C inside the block says how to go on, and ends with exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        echo_line(f"stopped; `{command}` goes on", err=True)
        raise click.exceptions.Exit(130) from None
