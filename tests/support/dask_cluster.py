"""A Dask cluster of real processes on the loopback interface."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from tests.support.patience import eventually
from tests.support.ports import free_port


@dataclass(frozen=True)
class Certificates:
    """One CA and one certificate of it, for everybody."""

    ca: Path
    cert: Path
    key: Path

    @property
    def options(self) -> list[str]:
        return ["--tls-ca-file", str(self.ca), "--tls-cert", str(self.cert), "--tls-key", str(self.key)]


def make_certificates(folder: Path, *, names: str = "") -> Certificates:
    """As an operator would make them, by openssl; for localhost, or for `names` (`IP:192.0.2.1`) alone."""
    ca, ca_key, cert, key, request = (folder / name for name in ("ca.pem", "ca.key", "tls.crt", "tls.key", "tls.csr"))
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run([*new, "-x509", "-days", "2", "-subj", "/CN=test-ca", "-keyout", ca_key, "-out", ca])
    run([*new, "-subj", "/CN=localhost", "-keyout", key, "-out", request])
    sign = ["openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", ca, "-CAkey", ca_key]
    more = folder / "names.cnf"
    more.write_text(f"subjectAltName={names or 'DNS:localhost'}")
    run([*sign, "-CAcreateserial", "-extfile", more, "-out", cert])
    return Certificates(ca, cert, key)


def run(command: list[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


class Cluster:
    """A scheduler and workers, each a process that can be killed; their logs are in `folder`."""

    def __init__(self, folder: Path, *, certificates: Certificates | None = None, env: dict[str, str] | None = None):
        self._folder = folder
        self._options = certificates.options if certificates else []
        self._env = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"} | (env or {})
        self._logs = 0
        protocol = "tls" if certificates else "tcp"
        self.port = free_port()
        self.address = f"{protocol}://127.0.0.1:{self.port}"
        files = {"ca": certificates.ca, "cert": certificates.cert, "key": certificates.key} if certificates else {}
        self.target = SchedulerAddress(address=self.address, **files)
        self.scheduler = self.start_scheduler()
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_scheduler(self, **env: str) -> subprocess.Popen[bytes]:
        protocol = self.address.partition(":")[0]
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--protocol", protocol, *self._options]
        self.scheduler = self._start("scheduler", *options, "--dashboard-address", "127.0.0.1:0", env=env)
        wait_for_port(self.port, self.scheduler)
        return self.scheduler

    def add_worker(self, *, threads: int = 1, options: tuple[str, ...] = ("--no-nanny",), **env: str) -> None:
        where = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--local-directory", str(self._folder)]
        size = ["--nthreads", str(threads), "--memory-limit", "0"]
        self.workers.append(self._start("worker", self.address, *where, *size, *options, *self._options, env=env))

    def _start(self, *command: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
        self._logs += 1
        with (self._folder / f"dask-{self._logs}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                env={**self._env, **env},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("dask-*.log")))

    @staticmethod
    def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                self.end(process)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert eventually(lambda: process.poll() is not None or listens())
    assert process.poll() is None, "the scheduler did not start"
