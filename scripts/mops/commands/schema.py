"""`mops schema`: the JSON Schema of a spec."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("kind", type=click.Choice(["adaptive"]))
def command(kind: str) -> None:
    """Print the JSON Schema of a spec, for editors.

    \b
    mops schema adaptive > adaptive.schema.json
    # first line of adaptive.yaml:
    # yaml-language-server: $schema=adaptive.schema.json
    """
    from modelops_runtime.specs.schema import adaptive_schema

    click.echo(json.dumps(adaptive_schema(), indent=2))
