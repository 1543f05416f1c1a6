"""Files through a pod's log: all that some may read of a cluster. Lines of base64 of one zip, counted and with its digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from modelops_runtime.contracts.errors import LedgerError

SUMMARY = "summary.json"
"""Where a run stands, among the files."""

LIMIT = 7_000_000
"""Bytes of the zip. A kubelet keeps 10 MiB of a log unless it is told otherwise, and base64 makes 4 of 3."""

_LINE = 9_000
"""Bytes a line: a container runtime cuts longer lines than 16 KiB into pieces."""

_DATA, _END = "modelops+", "modelops="
"""How our lines begin; a warning of some library may stand between them."""


def sent(paths: Sequence[Path]) -> Iterator[str]:
    """The lines that carry these files, by their names. Raises LedgerError when they are larger than LIMIT."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in paths:
            archive.write(path, path.name)
    content = held.getvalue()
    if len(content) > LIMIT:
        raise LedgerError(f"the results take {len(content) / 1e6:.1f} MB, and a pod's log carries {LIMIT / 1e6:.0f} MB")
    for start in range(0, len(content), _LINE):
        yield _DATA + base64.b64encode(content[start : start + _LINE]).decode()
    yield _END + json.dumps({"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def received(lines: Iterable[str]) -> Mapping[str, bytes]:
    """The files in the log that `sent` wrote. Raises LedgerError for a log that is cut off, or holds none."""
    parts: list[str] = []
    end = ""
    for line in lines:
        if line.startswith(_DATA):
            parts.append(line.removeprefix(_DATA).strip())
        elif line.startswith(_END):
            end = line.removeprefix(_END)
    try:
        content = b"".join(base64.b64decode(part, validate=True) for part in parts)
        whole = json.loads(end)["sha256"] == hashlib.sha256(content).hexdigest()
    except (binascii.Error, ValueError, KeyError, TypeError):
        whole, content = False, b""
    if not whole:
        raise LedgerError("what came through the pod's log is not whole; the same command again may do better")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {Path(name).name: archive.read(name) for name in archive.namelist()}
