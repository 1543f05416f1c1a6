"""Stop and start: the same but for a word."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import click

from modelops_runtime.contracts.errors import UserError
from mops_azure.commands.common import arm_for, load_config, progress
from mops_azure.plan import under_way
from mops_azure.resources.cluster import CLUSTERS, cluster_id, power_of
from mops_azure.resources.kind import is_ours


def switch(config_path: Path, action: Literal["stop", "start"], timeout: float) -> None:
    """Wait for operations under way, then switch if necessary."""
    config = load_config(config_path)
    arm = arm_for(config)
    from mops_azure.waiting import Session, settle

    id_, name = cluster_id(config), config.aks.name
    session = Session(arm=arm, say=progress(), deadline=time.monotonic() + timeout)
    live = arm.get(id_, CLUSTERS, "reading the cluster")
    if live is None:
        raise UserError(f"there is no cluster {name} in {config.group_name}; `mops-azure create` makes it")
    if not is_ours(live):
        raise UserError(f"cluster {name} does not carry our tags; use `az aks {action}` for it")
    for moving in under_way({id_: live}):
        settle(session, moving["id"], CLUSTERS, str(moving["name"]))
        live = arm.get(id_, CLUSTERS, "reading the cluster")
    wanted = "Stopped" if action == "stop" else "Running"
    if power_of(live) != wanted:
        reply = arm.send("POST", f"{id_}/{action}", CLUSTERS, f"{action} the cluster {name}")
        live = settle(session, id_, CLUSTERS, f"cluster {name}", operation_url=reply.operation_url)
        if id_.lower() in session.refused and power_of(live) != wanted:
            raise session.refused[id_.lower()]
    click.echo(f"cluster {name} is {wanted.lower()}")
