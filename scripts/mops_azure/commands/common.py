"""Shared by the commands: options, the connection to Azure, progress, questions."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelops_cli.output import echo_line
from modelops_cli.questions import confirm_unknown_host
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.contracts.plain_text import plain_line
from mops_azure.config import CONFIG_VARIABLE, DEFAULT_PATH, AzureConfig, load_config
from mops_azure.connect import connect

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    envvar=CONFIG_VARIABLE,
    help=f"The provider config; {DEFAULT_PATH} when left out.",
)
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
confirm_production_option = click.option(
    "--confirm-production", metavar="GROUP", help="With -y and env: prod: the name once more."
)
unlock_option = click.option("--unlock", is_flag=True, help="Remove our lock too. Others' locks are never removed.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only list what would go, and check whether it may.")
json_option = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on standard output.")


class Duration(click.ParamType):
    """`90`, `45m`, `1h`: seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?", str(value))
        if not found:
            self.fail(f"{value!r} is not a duration; write 90s, 45m or 1h", param, ctx)
        return float(found[1]) * {"m": 60, "min": 60, "h": 3600}.get(found[2] or "s", 1)


timeout_option = click.option(
    "--timeout", type=Duration(), default="90m", show_default=True, help="Give up waiting after this; Azure goes on."
)


def arm_for(config: AzureConfig) -> ArmClient:
    return connect(config, confirm=confirm_unknown_host)


def progress() -> Callable[[str], None]:
    """Prints lines on standard error with the time since now."""
    began = time.monotonic()

    def say(text: str) -> None:
        elapsed = int(time.monotonic() - began)
        echo_line(f"[{elapsed // 60:>3}:{elapsed % 60:02d}] {text}", err=True)

    return say


def ask(question: str, *, yes: bool) -> None:
    """Continue only if the user agrees. Raises UserError if there is nobody to ask; exits with 130 on no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nobody is there to ask; say -y to go on without a question")
    if not click.confirm(plain_line(question), err=True):
        click.echo("nothing was changed", err=True)
        raise click.exceptions.Exit(130)


__all__ = [
    "CONFIG_VARIABLE", "arm_for", "ask", "config_option", "confirm_production_option", "dry_run_option", "json_option",
    "load_config", "progress", "timeout_option", "unlock_option", "yes_option",
]  # fmt: skip
