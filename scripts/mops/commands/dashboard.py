"""`mops dashboard`: Dask's dashboard, on this machine."""

from __future__ import annotations

import threading

import click

from modelops_cli.output import echo_line
from mops.cluster.access import Access
from mops.cluster.names import DEFAULT_WORKSPACE
from mops.commands.options import cluster_options, not_empty


@click.command()
@click.argument("name", default=DEFAULT_WORKSPACE, metavar="[NAME]", callback=not_empty)
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, metavar="N",
              help="On this machine; 0: any free one.")  # fmt: skip
@click.option(
    "--namespace", metavar="NS", callback=not_empty, help="Where it is, when it is not where it would be by its name."
)
@cluster_options
def command(name: str, port: int, namespace: str | None, access: Access) -> None:
    """Show Dask's dashboard of the workspace NAME at http://127.0.0.1:8787, until Ctrl-C.

    \b
    mops dashboard
    mops dashboard gpu --port 9000
    """
    from modelops_runtime.contracts.errors import UserError
    from mops.cluster.access import Kube
    from mops.cluster.errors import ClusterError
    from mops.cluster.forward import forwarded_port
    from mops.cluster.helm import Helm
    from mops.cluster.pods import pods_of
    from mops.workspace.release_ref import find

    kube, ref = Kube(access), find(Helm(access), name, namespace).ref

    def scheduler() -> str:
        pods = [pod for pod in pods_of(kube, ref.namespace, ref.release, "scheduler") if pod.is_ready]
        if not pods:
            raise ClusterError(f"the scheduler of workspace {name!r} is not ready", f"`mops workspace status {name}`")
        return pods[0].name

    try:
        with forwarded_port(access, ref.namespace, scheduler, 8787, local=port) as local:
            echo_line(f"http://127.0.0.1:{local}/status   (Ctrl-C ends it)")
            threading.Event().wait()
    except OSError as error:
        raise UserError(f"port {port} of this machine cannot be used ({error.strerror}); give another --port") from None
    except KeyboardInterrupt:
        return
