"""Write several files atomically: all of them or none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from modelops_runtime.bundles.ignoring import list_results


@contextmanager
def written_together(folder: Path, names: Sequence[str]) -> Iterator[list[Path]]:
    """Temporary paths in `folder` (created if it is missing), renamed to `names` when the block ends, removed when it raises.

    Old files of these names stay as they are until all new ones are written.
    """
    list_results(folder, names)
    mark = f"{os.getpid()}-{uuid4().hex[:8]}"
    paths = [folder / f".{name}.{mark}.part" for name in names]
    try:
        yield paths
        for path, name in zip(paths, names, strict=True):
            os.replace(path, folder / name)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
