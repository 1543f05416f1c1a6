"""A model's folder (code and small data) as one deterministic archive, and its digest."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from modelops_runtime.bundles.ignoring import ALWAYS, Rule, is_ignored, rules_in, rules_of
from modelops_runtime.contracts.errors import UserError

PACKED_LIMIT = 8 * 2**20
"""Largest size of an archive in bytes; larger files belong in an image or a bundle."""
UNPACKED_LIMIT = 2**30
"""Largest unpacked size of an archive in bytes."""

_NAMED_LARGEST = 3


@dataclass(frozen=True, slots=True)
class File:
    """A file that belongs to the model."""

    name: str
    """Its path from the root, with slashes, in the composed form of Unicode (a Mac writes the decomposed form)."""
    path: Path
    size: int
    is_executable: bool
    link: str = ""
    """The path from the root of the link that leads to it, if the link leads out of the root."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that belongs to the model; its files come after it."""

    name: str
    path: Path
    link: str = ""
    """As for a file."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is ignored: it is not part of the model."""

    name: str
    path: Path


def files_of(root: Path, *, exclude: Sequence[str] = ()) -> list[File]:
    """The files below `root`, sorted by name, without those that are ignored (`exclude`: further patterns, as in .gitignore).

    Links are followed once. Left out are special files, and links that lead nowhere or to themselves.
    Raises UserError when `root` is not a folder, or a name is not UTF-8.
    """
    return [found for found in entries_of(root, exclude=exclude) if isinstance(found, File)]


def entries_of(root: Path, *, exclude: Sequence[str] = ()) -> list[File | Folder | LeftOut]:
    """As `files_of`, with folders, and with what is ignored (but not what is inside ignored folders)."""
    if not root.is_dir():
        raise UserError(f"{root} is no folder; give the folder that holds the model")
    _refuse_unless_utf8(root)
    # `exclude` comes last in every folder, so that no `!pattern` of an ignore file brings back what the caller left out.
    found = _walk(root, "", rules_of(ALWAYS), rules_of(exclude), (os.path.realpath(root),), "")
    return sorted(found, key=lambda entry: os.fsencode(entry.name))


def file_at(root: Path, name: str) -> File:
    """A file below `root` by its name, whether it is ignored or not. Raises UserError when it cannot be read."""
    path, top = root / name, os.path.realpath(root)
    with readable(path):
        status = path.stat()
    prefixes = [path, *path.parents][: len(Path(name).parts)]
    outside = [each for each in prefixes if not _lies_in(os.path.realpath(each), top)]
    link = outside[-1].relative_to(root).as_posix() if outside else ""
    return File(name, path, status.st_size, bool(status.st_mode & 0o100), link)


def _walk(
    directory: Path, prefix: str, rules: list[Rule], last: list[Rule], above: tuple[str, ...], link: str
) -> Iterator[File | Folder | LeftOut]:
    with readable(directory):
        rules = [*rules, *rules_in(directory, prefix)]
        with os.scandir(directory) as entries:
            listed = list(entries)
    for entry in listed:
        name = prefix + unicodedata.normalize("NFC", entry.name)
        path = Path(entry.path)
        is_folder = _leads_to(entry.is_dir)
        if is_ignored(name, [*rules, *last], is_folder=is_folder):
            yield LeftOut(name, path)
            continue
        if not is_folder and not _leads_to(entry.is_file):
            continue
        _refuse_unless_utf8(path)
        real = os.path.realpath(path)
        through = link or (name if entry.is_symlink() and not _lies_in(real, above[0]) else "")
        if not is_folder:
            with readable(path):
                status = entry.stat()
            yield File(name, path, status.st_size, bool(status.st_mode & 0o100), through)
        elif (path / "pyvenv.cfg").exists():
            yield LeftOut(name, path)
        elif not (real in above or _lies_in(above[0], real)):
            yield Folder(name, path, through)
            yield from _walk(path, f"{name}/", rules, last, (*above, real), through)


def _leads_to(is_kind: Callable[[], bool]) -> bool:
    """False for a link that leads in a circle."""
    try:
        return is_kind()
    except OSError:
        return False


def _lies_in(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _refuse_unless_utf8(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise UserError(
            f"{shown}: this name is not UTF-8; rename it, or list it in .mopsignore (by a pattern)"
        ) from error


def file_digests(root: Path, *, exclude: Sequence[str] = ()) -> dict[str, str]:
    """Name -> BLAKE2b-256 (hex) of the content, for `files_of(root)`, of any size: the same on every machine."""
    return {file.name: digest_of_file(file.path) for file in files_of(root, exclude=exclude)}


def digest_of_file(path: Path) -> str:
    """BLAKE2b-256 (hex) of a file's content. Raises UserError when it cannot be read."""
    with readable(path), path.open("rb") as stream:
        return _hash(stream).hex()


def code_digest(digests: Mapping[str, str]) -> str:
    """BLAKE2b-256 (hex) over names and contents, from `file_digests`."""
    whole = blake2b(digest_size=32)
    for name, content in sorted(digests.items()):
        whole.update(f"{len(os.fsencode(name))}:".encode() + os.fsencode(name) + bytes.fromhex(content))
    return whole.hexdigest()


def pack(root: Path, *, exclude: Sequence[str] = ()) -> bytes:
    """The archive of `files_of(root)`."""

    def content_of(file: File) -> bytes:
        with readable(file.path):
            return file.path.read_bytes()

    return pack_files(root, files_of(root, exclude=exclude), content_of)


def pack_files(root: Path, files: Sequence[File], content_of: Callable[[File], bytes]) -> bytes:
    """A gzipped tar of files of `root`: equal files give equal bytes, whatever their times, owners and order.

    Raises UserError above PACKED_LIMIT, naming the largest files.
    """
    if sum(file.size for file in files) > UNPACKED_LIMIT:
        raise _too_large(root, files)
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in files:
            content = content_of(file)
            tar.addfile(_entry(file, len(content)), io.BytesIO(content))
            if buffer.tell() > PACKED_LIMIT:
                raise _too_large(root, files)
    data = buffer.getvalue()
    if len(data) > PACKED_LIMIT:
        raise _too_large(root, files)
    return data


def _entry(file: File, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(file.name)
    entry.size = size
    entry.mode = 0o755 if file.is_executable else 0o644
    return entry


def _too_large(root: Path, files: Sequence[File]) -> UserError:
    largest = sorted(files, key=lambda file: -file.size)[:_NAMED_LARGEST]
    named = ", ".join(f"{file.name} ({file.size / 2**20:.1f} MiB)" for file in largest)
    return UserError(
        f"{root} is above {PACKED_LIMIT // 2**20} MiB when packed; the largest files are {named}: "
        "list what the model does not need in .mopsignore, or use a bundle or an image"
    )


def unpack(data: bytes, folder: Path) -> None:
    """Write the files of an archive into `folder`, which appears atomically if it did not exist.

    Raises ValueError for archives that `pack` does not write: links, devices, names that lead out of the folder, too many bytes.
    """
    if folder.exists():
        _extract(data, folder)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _extract(data, scratch)
        scratch.chmod(0o755)
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same content
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _extract(data: bytes, folder: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            total = 0
            for entry in tar:
                total += entry.size
                if total > UNPACKED_LIMIT:
                    raise ValueError(f"the archive unpacks to more than {UNPACKED_LIMIT // 2**20} MiB")
                _write(tar, entry, folder)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"this is no archive of a folder: {error}") from error


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(entry.name)
    if not entry.isreg() or name.is_absolute() or ".." in name.parts or not name.parts or "\\" in entry.name:
        raise ValueError(f"the archive holds {entry.name!r}, which is no plain file inside the folder")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"the archive would write {entry.name!r} through a link out of the folder")
    stream = tar.extractfile(entry)
    assert stream is not None
    with target.open("wb") as file:
        shutil.copyfileobj(stream, file)
    target.chmod(entry.mode & 0o755)


def digest(data: bytes) -> str:
    """BLAKE2b-256 (hex) of an archive or of the content of a file."""
    return blake2b(data, digest_size=32).hexdigest()


def _hash(stream: BinaryIO) -> bytes:
    part = blake2b(digest_size=32)
    while chunk := stream.read(2**20):
        part.update(chunk)
    return part.digest()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn a missing permission into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; allow it, or list it in .mopsignore") from error
