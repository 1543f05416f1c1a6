"""Makes scripts/mops_azure/read_only.json from Azure's published types: `python -m tests.azure.read_only`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mops_azure.resources import MODULES
from tests.azure import armtypes

TABLE = Path(__file__).parents[2] / "scripts" / "mops_azure" / "read_only.json"
KINDS = {kind.name: (kind.type, kind.api_version) for module in MODULES for kind in module.KINDS if kind.is_sent}
"""What the product sends -> its published type and version."""


def table() -> dict[str, Any]:
    notice = (armtypes.FOLDER / "NOTICE.md").read_text().split("\n\n")
    return {
        "notice": ["Paths of what Azure alone writes, taken from:", *(" ".join(one.split()) for one in notice)],
        "kinds": {
            kind: {"type": type_, "api_version": version, "paths": armtypes.read_only_paths(type_, version)}
            for kind, (type_, version) in KINDS.items()
        },
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=2) + "\n")
