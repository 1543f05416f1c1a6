"""Which files beside a spec belong to the model, and the copy of them that a run uses."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelops_runtime.bundles.archive import File, file_digests, files_of
from modelops_runtime.bundles.cache import ContentStore, cache_folder
from modelops_runtime.bundles.linked_files import LinkedFiles
from modelops_runtime.bundles.secrets import INCLUDE_FILE, refuse_unsendable
from modelops_runtime.bundles.snapshot import Snapshot, place_for, take
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.models.scratch import remove_abandoned, scratch_folder
from modelops_runtime.specs.loading import LoadedSpec

_FOR_PEOPLE = (
    ".gitignore", ".mopsignore", INCLUDE_FILE, "*.md", "*.ipynb", "*.html", "*.png", "*.svg", "*.pdf", "*.log", "LICENSE*",
)  # fmt: skip
_SPEC = re.compile(r"^(version|model|targets):", re.MULTILINE)

_log = logging.getLogger("modelops.cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCode:
    """The recorded model: simulations, and what is loaded here, use `folder`."""

    snapshot: Snapshot
    folder: Path
    digests: dict[str, str]
    """File -> digest, for the files in the run's identity."""
    linked: LinkedFiles | None = None
    """None if nothing is read from the spec's folder any more, because a Dask cluster has it all."""

    def as_named(self, text: str) -> str:
        """A text with the paths of the copy replaced by those of the spec's folder."""
        return self.snapshot.as_named(text, self.folder)

    def check(self) -> None:
        """Raises ModelChanged if a linked file has changed."""
        if self.linked is not None:
            self.linked.check()


@contextmanager
def held_code(loaded: LoadedSpec, *, sent: bool = False) -> Iterator[ModelCode]:
    """Record the files of a spec's folder, and keep a copy of them to work in until the block ends.

    `sent`: they go to other machines, so files that must not be sent are refused, and none is checked later. Raises UserError.
    """
    names = {file.name for file in model_files(loaded)}
    observed = {os.path.normpath(target.observed) for target in loaded.spec.targets.values()}
    with ExitStack() as stack:
        store, scratch = _room(stack)
        try:
            snapshot = take(loaded.root, store, recorded=names | observed)
            if sent:
                refuse_unsendable(loaded.root, snapshot.files, "the Dask workers")
            folder = place_for(loaded.root, scratch)
            snapshot.lay_out(folder)
        except OSError as error:
            raise UserError(f"{loaded.root} cannot be copied to {scratch}: {error.strerror or error}") from error
        store.prune()
        digests = {name: found for name, found in snapshot.digests.items() if name in names}
        yield ModelCode(
            snapshot=snapshot, folder=folder, digests=digests, linked=None if sent else LinkedFiles(snapshot)
        )


def _room(stack: ExitStack) -> tuple[ContentStore, Path]:
    """The cache and a working folder; both in the system's temporary folder if the cache is not writable."""
    try:
        cache = cache_folder()
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = ContentStore(cache / "files")
        store.make()
        runs = cache / "runs"
        runs.mkdir(mode=0o700, exist_ok=True)
        remove_abandoned(str(runs))
        return store, Path(stack.enter_context(scratch_folder(str(runs)))).resolve()
    except OSError as error:
        _log.warning(
            "the cache cannot be written (%s); %s is used for this run (MODELOPS_CACHE names another folder)",
            error, tempfile.gettempdir(),
        )  # fmt: skip
    scratch = Path(stack.enter_context(scratch_folder())).resolve()
    return ContentStore(scratch / "files"), scratch


def names_pandas(code: ModelCode) -> bool:
    """Whether a Python file of the model speaks of pandas, which each process would then import for itself."""
    files = (code.folder / name for name in code.digests if name.endswith(".py"))
    return any(b"pandas" in file.read_bytes() for file in files if file.is_file())


def code_of(loaded: LoadedSpec) -> dict[str, str]:
    """File -> digest, for `model_files`."""
    return file_digests(loaded.root, exclude=_left_out(loaded))


def model_files(loaded: LoadedSpec) -> list[File]:
    """Of the spec's folder: not the specs in it, nor the observed data (both count by their content), nor what only people
    read, nor what our own output goes to, nor what is ignored (.gitignore, .mopsignore, what ModelOps wrote).
    """
    return files_of(loaded.root, exclude=_left_out(loaded))


def _left_out(loaded: LoadedSpec) -> list[str]:
    """Patterns, as in .gitignore."""
    observed = [f"/{target.observed.removeprefix('./')}" for target in loaded.spec.targets.values()]
    specs = [f"/{path.name}" for path in loaded.root.glob("*.y*ml") if _is_spec(path)]
    printed = [f"/{path.name}" for path in loaded.root.iterdir() if _is_printed_to(path)]
    return [*_FOR_PEOPLE, f"/{loaded.path.name}", *observed, *specs, *printed]


def _is_printed_to(path: Path) -> bool:
    """Whether our own output is written there: `mops run ... > log.txt`."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return any(os.path.samestat(status, os.fstat(descriptor)) for descriptor in (1, 2))
    return False


def _is_spec(path: Path) -> bool:
    try:
        keys = set(_SPEC.findall(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError):
        return False
    return len(keys) == 3
