"""The folder of a model at one moment, and copies of it in which simulations work.

Small files are copied through the cache. Large files, files that look like secrets and files behind a link out of the folder are
linked to instead and watched for changes; ignored files are linked to and not watched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelops_runtime.bundles.archive import (
    File,
    Folder,
    LeftOut,
    digest,
    digest_of_file,
    entries_of,
    pack_files,
    readable,
)
from modelops_runtime.bundles.cache import ContentStore
from modelops_runtime.bundles.secrets import is_named_as_secret
from modelops_runtime.contracts.errors import ModelChanged, UserError

COPIED_LIMIT = 8 * 2**20
"""Bytes of the largest file that is copied."""
COPIED_TOTAL = 256 * 2**20
"""Bytes of all copied files: program text first, then the smallest files."""

_PROGRAM_TEXT = (".py", ".r", ".jl", ".m", ".c", ".cpp", ".h", ".nlogo", ".sh", ".pl", ".js", ".lua", ".java", ".f90")
_NOT_BESIDE = ("__pycache__",)
"""Compiled from the present files, which may differ from the recorded ones."""
_TRIES = 5

Stamp = tuple[int, int, int, int, int]
"""Device, inode, size, and both times of a file: while these are the same, so is its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A file that simulations have a copy of."""

    file: File
    digest: str
    place: str
    """Its path from the root, as the file system spells it."""
    mtime_s: int
    """When it was changed, in whole seconds, which every file system can store."""
    is_recorded: bool = True
    """Whether it is part of the identity of the run."""
    alias_of: str = ""
    """The path of another copied file if this one is a link to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A file that simulations read where it is."""

    file: File
    digest: str
    """Empty when it is not recorded."""
    stamp: Stamp | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The result of `take`: plain data that can be sent to the processes that simulate."""

    root: str
    store: str
    copied: tuple[Copied, ...]
    linked: tuple[Linked, ...]
    folders: tuple[str, ...]
    """Paths of the folders to create, from the root, as the file system spells them."""
    links: tuple[str, ...]
    """Paths of links to create, each to the same path in `root`."""

    @property
    def digests(self) -> dict[str, str]:
        """Name -> BLAKE2b-256 (hex) of the content, for all files that have one."""
        found = [(each.file.name, each.digest) for each in (*self.copied, *self.linked) if each.digest]
        return dict(sorted(found, key=lambda pair: os.fsencode(pair[0])))

    @property
    def files(self) -> list[File]:
        """Those of the model, sorted by name."""
        return sorted((each.file for each in (*self.copied, *self.linked)), key=lambda file: os.fsencode(file.name))

    def lay_out(self, folder: Path) -> None:
        """Write the recorded files into `folder`, or restore them; other files there stay.

        Raises ModelChanged if a recorded content is no longer in the cache or the root.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                self._lay_out(folder)
                return
            except FileNotFoundError:  # a model in another process is removing the folder
                if not tries_left:
                    raise

    def _lay_out(self, folder: Path) -> None:
        _make_folder(folder)
        for name in self.folders:
            _make_folder(folder / name)
        for name in self.links:
            _make_link(folder / name, os.path.join(self.root, name))
        for copied in self.copied:
            path = folder / copied.place
            if copied.alias_of:
                _make_link(path, os.path.relpath(copied.alias_of, os.path.dirname(copied.place)))
            elif not _is_as_written(path, copied):
                try:
                    content = self._content(copied)
                except ModelChanged:
                    if copied.is_recorded:
                        raise
                    continue
                _write(path, content, copied)

    def as_named(self, text: str, folder: Path) -> str:
        """A text with the paths of the copy in `folder` replaced by those of the root and its siblings."""
        copy, own = folder, Path(self.root)
        while copy.name and copy.name == own.name:
            text = text.replace(str(copy), str(own))
            copy, own = copy.parent, own.parent
        return text

    def pack(self) -> bytes:
        """An archive of the recorded contents. Raises ModelChanged if one is missing, UserError if the archive is too large."""
        by_name = {each.file.name: each for each in (*self.copied, *self.linked)}
        return pack_files(Path(self.root), self.files, lambda file: self._packed(by_name[file.name]))

    def _packed(self, entry: Copied | Linked) -> bytes:
        if isinstance(entry, Copied):
            return self._content(entry)
        with readable(entry.file.path):
            content = entry.file.path.read_bytes()
        if entry.digest and digest(content) != entry.digest:
            raise ModelChanged(entry.file.name, self.root)
        return content

    def _content(self, copied: Copied) -> bytes:
        store = ContentStore(Path(self.store))
        content = store.get(copied.digest)
        if content is not None:
            return content
        with contextlib.suppress(OSError):
            content = copied.file.path.read_bytes()
            if digest(content) == copied.digest:
                with contextlib.suppress(OSError):
                    store.put(content)
                return content
        raise ModelChanged(copied.file.name, self.root)


def take(root: Path, store: ContentStore, *, recorded: Collection[str] | None = None) -> Snapshot:
    """A snapshot of the files of `root`, with digests of the `recorded` ones (None: of all) at least.

    What is copied has the digest of the very bytes that were copied, even while the folder is edited. Raises UserError for
    what cannot be read or named, OSError when the store cannot be written.
    """
    entries = entries_of(root)
    files = [entry for entry in entries if isinstance(entry, File)]
    small = _small(files)
    copied: list[Copied] = []
    linked: list[Linked] = []
    for file in files:
        made = _copied(file, root, store) if file.name in small else None
        if made is not None:
            copied.append(replace(made, is_recorded=recorded is None or file.name in recorded))
        elif recorded is None or file.name in recorded:
            content, stamp = _looked_at(file)
            linked.append(Linked(file=file, digest=content, stamp=stamp))
        else:
            linked.append(Linked(file=file, digest="", stamp=None))
    return Snapshot(
        root=str(root),
        store=str(store.folder),
        copied=tuple(_with_aliases(copied, root)),
        linked=tuple(linked),
        folders=tuple(_place(entry, root) for entry in entries if isinstance(entry, Folder) and not entry.link),
        links=tuple(sorted(_links(entries, [each.file for each in linked], root))),
    )


def _small(files: Sequence[File]) -> set[str]:
    """Names of those that are copied, if they stay as small as they were."""
    room, chosen = COPIED_TOTAL, set[str]()
    for file in sorted(files, key=lambda file: (file.path.suffix.lower() not in _PROGRAM_TEXT, file.size)):
        if file.size <= min(COPIED_LIMIT, room) and not file.link and not is_named_as_secret(file.name):
            room -= file.size
            chosen.add(file.name)
    return chosen


def _copied(file: File, root: Path, store: ContentStore) -> Copied | None:
    """A copy of the file; None if it has grown above the limit."""
    with readable(file.path), file.path.open("rb") as stream:
        content = stream.read(COPIED_LIMIT + 1)
        mtime_s = int(os.fstat(stream.fileno()).st_mtime)
    if len(content) > COPIED_LIMIT:
        return None
    now = File(file.name, file.path, len(content), file.is_executable)
    return Copied(file=now, digest=store.put(content), place=_place(file, root), mtime_s=mtime_s)


def _with_aliases(copied: Sequence[Copied], root: Path) -> Iterator[Copied]:
    """A link within the folder stays one, so that a program that asks where it lies gets the same answer."""
    top, places = os.path.realpath(root), {each.place for each in copied}
    folders: dict[Path, str] = {}
    for each in copied:
        path, parent = each.file.path, each.file.path.parent
        if parent not in folders:
            folders[parent] = os.path.realpath(parent)
        real = os.path.realpath(path) if path.is_symlink() else os.path.join(folders[parent], path.name)
        place = os.path.relpath(real, top)
        yield replace(each, alias_of=place) if place != each.place and place in places else each


def _looked_at(file: File) -> tuple[str, Stamp]:
    """The digest and the stamp of the same content."""
    for _ in range(_TRIES):
        with readable(file.path):
            before = stamp_of(file.path)
        found = digest_of_file(file.path)
        with readable(file.path):
            if stamp_of(file.path) == before:
                return found, before
    raise UserError(f"{file.path} is written to just now; start again when it is whole")


def _links(entries: Sequence[File | Folder | LeftOut], linked: Sequence[File], root: Path) -> Iterator[str]:
    """Links for ignored files, for links that lead out of the root, and for other files that are not copied."""
    elsewhere = [entry.path for entry in entries if isinstance(entry, Folder) and entry.link == entry.name]
    for entry in entries:
        if isinstance(entry, LeftOut):
            is_within = any(entry.path.is_relative_to(folder) for folder in elsewhere)
            if entry.path.name not in _NOT_BESIDE and not is_within:
                yield _place(entry, root)
        elif entry.link == entry.name:
            yield _place(entry, root)
    for file in linked:
        if not file.link:
            yield _place(file, root)


def _place(entry: File | Folder | LeftOut, root: Path) -> str:
    return str(entry.path.relative_to(root))


def stamp_of(path: Path) -> Stamp:
    """The stamp of the file that a path leads to. Raises OSError."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


# laying out


def _make_folder(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _make_link(path: Path, target: str) -> None:
    with contextlib.suppress(OSError):
        if os.readlink(path) == target:
            return
    part = _part_beside(path)
    part.symlink_to(target)
    _replace(part, path)


def _is_as_written(path: Path, copied: Copied) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    is_same = status.st_size == copied.file.size and status.st_mtime_ns == copied.mtime_s * 10**9
    return stat.S_ISREG(status.st_mode) and is_same


def _write(path: Path, content: bytes, copied: Copied) -> None:
    part = _part_beside(path)
    part.write_bytes(content)
    part.chmod(0o700 if copied.file.is_executable else 0o600)
    os.utime(part, (copied.mtime_s, copied.mtime_s))
    _replace(part, path)


def _part_beside(path: Path) -> Path:
    return path.parent / f".part-{uuid.uuid4().hex}"


def _replace(part: Path, path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    part.replace(path)


_LEVELS = 2
_MOST_BESIDE = 1_000


def place_for(root: Path, scratch: Path) -> Path:
    """Where in `scratch` to lay out a copy of `root`, so that `../` and `../../` lead there to what they lead to from `root`."""
    parents = [parent for parent in root.parents[:_LEVELS] if parent != parent.parent]
    place, child = scratch, root
    for parent in reversed(parents):
        place = place / parent.name
        place.mkdir(mode=0o700)
    for depth, parent in enumerate(parents):
        _link_all(parent, [place, *place.parents][depth], but=child.name)
        child = parent
    return place / root.name


def _link_all(source: Path, target: Path, *, but: str) -> None:
    with contextlib.suppress(OSError):
        names = os.listdir(source)
        for name in names if len(names) <= _MOST_BESIDE else ():
            if name != but:
                (target / name).symlink_to(source / name)
