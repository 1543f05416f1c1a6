"""Options that several commands share."""

from __future__ import annotations

import click

from modelops_runtime.contracts.errors import UserError

timeout_option = click.option(
    "--timeout", default="10m", show_default=True, metavar="TIME", help="How long to wait for pods: 90s, 15m, 1h."
)


def seconds(timeout: str) -> float:
    """Of a --timeout. Raises UserError."""
    from modelops_runtime.specs.scalars import parse_duration

    try:
        return parse_duration(timeout)
    except ValueError as error:
        raise UserError(f"--timeout: {error}") from None
