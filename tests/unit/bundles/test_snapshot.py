"""A snapshot holds the bytes that its digests are of, and a folder made of it is whole again whenever it is asked for."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from modelops_runtime.bundles import snapshot as module
from modelops_runtime.bundles.archive import digest, file_digests, pack, unpack
from modelops_runtime.bundles.cache import ContentStore
from modelops_runtime.bundles.linked_files import LinkedFiles
from modelops_runtime.bundles.snapshot import Snapshot, place_for, take
from modelops_runtime.contracts.errors import ModelChanged


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "pkg").mkdir(parents=True)
    (made / "empty").mkdir()
    (made / "model.py").write_text("old")
    (made / "pkg" / "inner.py").write_text("inner")
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o700)
    (made / "raw").mkdir()
    (made / "raw" / "ignored.csv").write_text("1")
    (made / "pkg" / "__pycache__").mkdir()
    (made / "pkg" / "__pycache__" / "inner.cpython-311.pyc").write_text("stale")
    (made / ".gitignore").write_text("raw/\n")
    (made / "id_rsa").write_text("secret")
    with (made / "large.bin").open("wb") as file:
        file.truncate(module.COPIED_LIMIT + 1)
    return made


def taken(root: Path) -> Snapshot:
    return take(root, ContentStore(root.parent / "store"))


def laid_out(snapshot: Snapshot, root: Path) -> Path:
    folder = root.parent / "copy"
    snapshot.lay_out(folder)
    return folder


def test_small_files_are_copied_and_the_rest_is_linked_to(root: Path) -> None:
    folder = laid_out(taken(root), root)
    (root / "model.py").write_text("new")
    assert (folder / "model.py").read_text() == "old"
    assert (folder / "model.py").stat().st_ino != (root / "model.py").stat().st_ino
    assert os.access(folder / "run.sh", os.X_OK)
    assert (folder / "empty").is_dir()
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink()) == [
        "id_rsa", "large.bin", "raw",
    ]  # fmt: skip
    assert (folder / "raw" / "ignored.csv").read_text() == "1"
    assert not (folder / "pkg" / "__pycache__").exists()


def test_a_link_within_the_folder_stays_one(root: Path) -> None:
    (root / "versions").mkdir()
    (root / "versions" / "v3.py").write_text("three")
    (root / "newest.py").symlink_to("versions/v3.py")
    (root / "current").symlink_to("versions")
    folder = laid_out(taken(root), root)
    for name in ("newest.py", "current/v3.py"):
        assert (folder / name).resolve() == folder / "versions" / "v3.py"
    (folder / "newest.py").unlink()
    taken(root).lay_out(folder)
    assert (folder / "newest.py").read_text() == "three"


def test_its_digests_are_those_of_the_folder(root: Path) -> None:
    assert taken(root).digests == file_digests(root)


def test_a_file_edited_while_it_is_recorded_has_the_digest_of_what_was_copied(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = ContentStore.put

    def edits(self: ContentStore, content: bytes) -> str:
        (root / "model.py").write_text(f"edited {time.monotonic_ns()}")
        return put(self, content)

    monkeypatch.setattr(ContentStore, "put", edits)
    snapshot = taken(root)
    folder = laid_out(snapshot, root)
    assert snapshot.digests["model.py"] == digest((folder / "model.py").read_bytes())


@pytest.mark.parametrize("harm", ["overwritten", "removed", "a folder", "all removed"])
def test_what_a_model_does_to_its_folder_is_put_right(harm: str, root: Path) -> None:
    snapshot = taken(root)
    folder = laid_out(snapshot, root)
    (root / "model.py").write_text("new")
    if harm == "all removed":
        shutil.rmtree(folder)
    elif harm == "overwritten":
        (folder / "model.py").write_text("bad")
    else:
        (folder / "model.py").unlink()
    if harm == "a folder":
        (folder / "model.py").mkdir()
    snapshot.lay_out(folder)
    assert (folder / "model.py").read_text() == "old"
    assert (folder / "large.bin").stat().st_size == module.COPIED_LIMIT + 1
    assert (root / "id_rsa").read_text() == "secret"


def test_a_damaged_cache_is_made_anew_or_named(root: Path) -> None:
    snapshot = taken(root)
    (kept,) = (path for path in (root.parent / "store").rglob("*") if path.is_file() and path.read_text() == "old")
    kept.chmod(0o600)
    kept.write_text("bad")
    assert (laid_out(snapshot, root) / "model.py").read_text() == "old"
    assert kept.read_text() == "old"
    kept.unlink()
    (root / "model.py").write_text("new")
    with pytest.raises(ModelChanged, match=r"^model\.py in "):
        snapshot.lay_out(root.parent / "another")


def test_more_than_the_total_is_linked_to_program_text_last(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "table.csv").write_text("1" * 100)
    (root / "long.py").write_text("#" * 150)
    monkeypatch.setattr(module, "COPIED_TOTAL", 200)
    linked = {each.file.name for each in taken(root).linked}
    assert {"table.csv", "large.bin", "id_rsa"} <= linked
    assert not {"model.py", "pkg/inner.py", "long.py"} & linked


def test_its_archive_is_that_of_the_folder_as_it_was(root: Path) -> None:
    (root / "large.bin").write_bytes(bytes(module.COPIED_LIMIT + 1))
    snapshot, before = taken(root), pack(root)
    (root / "model.py").write_text("new")
    assert snapshot.pack() == before
    unpack(before, root.parent / "there")
    assert taken(root.parent / "there").digests == snapshot.digests
    with (root / "large.bin").open("r+b") as file:
        file.write(b"1")
    with pytest.raises(ModelChanged, match=r"large\.bin"):
        snapshot.pack()


def test_looking_finds_a_change_of_content_alone(root: Path) -> None:
    linked = LinkedFiles(taken(root))
    linked.check()
    os.utime(root / "large.bin")
    linked.check()
    with (root / "large.bin").open("r+b") as file:
        file.write(b"1")
    os.utime(root / "large.bin", (0, 0))
    with pytest.raises(ModelChanged, match=r"large\.bin in .*root was changed"):
        linked.check()


def test_looking_finds_a_removal(root: Path) -> None:
    linked = LinkedFiles(taken(root))
    (root / "id_rsa").unlink()
    with pytest.raises(ModelChanged, match="id_rsa"):
        linked.check()


def test_what_is_ignored_may_change(root: Path) -> None:
    linked = LinkedFiles(taken(root))
    (root / "raw" / "ignored.csv").write_text("2")
    linked.check()


def test_ways_up_lead_where_they_led(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b" / "root"
    for path in (root, tmp_path / "a" / "x", tmp_path / "a" / "b" / "y", tmp_path / "scratch"):
        path.mkdir(parents=True)
        (path / "file").write_text(path.name)
    place = place_for(root, tmp_path / "scratch")
    assert place.name == "root"
    place.mkdir()
    snapshot = taken(root)
    for name in ("root/file", "y/file", "../x/file"):
        shown = os.path.normpath(place.parent / name)
        assert snapshot.as_named(f"in {shown}:", place) == f"in {os.path.normpath(root.parent / name)}:"
    assert (place / ".." / "y" / "file").read_text() == "y"
    assert (place / ".." / ".." / "x" / "file").read_text() == "x"


def test_a_folder_at_the_top_has_nothing_beside_it(tmp_path: Path) -> None:
    assert place_for(Path("/model"), tmp_path) == tmp_path / "model"
    assert list(tmp_path.iterdir()) == []


def test_contents_that_nobody_uses_go_and_those_in_use_stay(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "store")
    store.make()
    old, used = store.put(b"old"), store.put(b"used")
    for path in store.folder.glob("??/*"):
        os.utime(path, (0, 0))
    store.put(b"used")
    store.prune()
    assert store.get(old) is None
    assert store.get(used) == b"used"
    os.utime(store.folder / used[:2] / used, (0, 0))
    store.prune()  # not again on the same day
    assert store.get(used) == b"used"
