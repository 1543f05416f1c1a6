"""`mops schema`: the JSON Schema of a spec."""

from __future__ import annotations

import click

from modelops_cli.output import echo_json


@click.command()
@click.argument("kind", type=click.Choice(["adaptive", "workspace"]))
def command(kind: str) -> None:
    """Print the JSON Schema of a spec, for editors.

    \b
    mops schema adaptive > adaptive.schema.json
    # first line of adaptive.yaml:
    # yaml-language-server: $schema=adaptive.schema.json
    mops schema workspace > workspace.schema.json
    """
    if kind == "workspace":
        from mops.workspace.spec import workspace_schema as schema
    else:
        from modelops_runtime.specs.schema import adaptive_schema as schema
    echo_json(schema(), indent=2)
