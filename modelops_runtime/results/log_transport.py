"""Files sent through the log of a pod, all that some users may read: one zip as lines of base64, with its digest."""

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
"""The file that holds the progress of a run."""

LIMIT = 7_000_000
"""Bytes of the zip. A kubelet keeps 10 MiB of a log by default, and base64 makes 4 bytes of 3."""

_LINE = 9_000
"""Bytes of one line: container runtimes split lines longer than 16 KiB."""

_DATA, _END = "modelops+", "modelops="
"""The prefixes of our lines; warnings of libraries may stand between them."""


def sent(paths: Sequence[Path]) -> Iterator[str]:
    """The lines that carry these files by name. Raises LedgerError if the zip is larger than LIMIT."""
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
    """The files in the log that `sent` wrote. Raises LedgerError for a log that is cut off or holds no files."""
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
