"""A folder's digest and archive follow from names and contents alone, and unpacking cannot leave its folder."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_runtime.bundles.archive import code_digest, digest, file_digests, files_of, pack, unpack
from modelops_runtime.contracts.errors import UserError

names = st.lists(
    st.text(st.sampled_from("abcxyz_é"), min_size=1, max_size=4).map(lambda text: f"{text}.py"), min_size=1, max_size=3
).map("/".join)
folders = st.dictionaries(names, st.binary(max_size=64), min_size=1, max_size=6).filter(
    lambda files: not any(b.startswith(f"{a}/") for a in files for b in files)
)


def fill(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def found(root: Path, *exclude: str) -> list[str]:
    return [file.name for file in files_of(root, exclude=exclude)]


def archive_of(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@settings(deadline=None, max_examples=25)
@given(folders, st.randoms())
def test_digest_and_archive_do_not_depend_on_the_order_or_the_time_of_writing(
    files: dict[str, bytes], order: random.Random
) -> None:
    shuffled = list(files.items())
    order.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        first, second = fill(Path(a), dict(files)), fill(Path(b), dict(shuffled))
        for path in second.rglob("*"):
            os.utime(path, (order.randrange(2**31), order.randrange(2**31)))
        assert code_digest(file_digests(first)) == code_digest(file_digests(second))
        assert pack(first) == pack(second)


@settings(deadline=None, max_examples=25)
@given(folders)
def test_what_is_packed_is_what_is_unpacked(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        root, target = fill(Path(a), dict(files)), Path(b) / "new"
        unpack(pack(root), target)
        assert {file.name: file.path.read_bytes() for file in files_of(target)} == files
        assert code_digest(file_digests(target)) == code_digest(file_digests(root))


@settings(deadline=None, max_examples=25)
@given(folders, folders)
def test_other_names_or_contents_have_another_digest(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        first, second = fill(Path(a), dict(one)), fill(Path(b), dict(other))
        assert (code_digest(file_digests(first)) == code_digest(file_digests(second))) == (one == other)
        assert (digest(pack(first)) == digest(pack(second))) == (one == other)


def test_a_name_never_runs_into_a_content(tmp_path: Path) -> None:
    assert code_digest(file_digests(fill(tmp_path / "1", {"ab": b"c"}))) != code_digest(
        file_digests(fill(tmp_path / "2", {"a": b"bc"}))
    )


def test_caches_environments_outputs_and_secrets_are_left_out(tmp_path: Path) -> None:
    own = ["adaptive.yaml", "data/out/x.csv", "model.py", "run.sh"]
    others = [
        ".git/config", ".venv/bin/python", "__pycache__/model.cpython-311.pyc", "old.pyc", ".modelops/ledger.sqlite",
        "modelops-out/report.html", "out/a.csv", ".pytest_cache/x", ".ruff_cache/x", ".env", "env3/pyvenv.cfg", "env3/lib/x.py",
        ".DS_Store", "pkg/__pycache__/y.pyc",
    ]  # fmt: skip
    fill(tmp_path, dict.fromkeys(own + others, "x"))
    assert found(tmp_path) == own


def test_patterns_of_gitignore_and_mopsignore_are_followed(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            ".gitignore": "# note\n*.log\n/data/raw/\n!keep.log\nscratch\nb/**/deep.txt\n[xy]?.txt\n\\#odd\ntrail  \n",
            ".mopsignore": "*.pdf\n",
            "a.log": "", "keep.log": "", "sub/b.log": "", "data/raw/1.csv": "", "sub/data/raw/2.csv": "",
            "scratch/x": "", "sub/scratch/y": "", "b/deep.txt": "", "b/c/d/deep.txt": "", "deep.txt": "",
            "x1.txt": "", "z1.txt": "", "#odd": "", "trail": "", "paper.pdf": "", "model.py": "",
            "sub/.gitignore": "/local.txt\n!b.log\n", "sub/local.txt": "", "local.txt": "",
        },
    )  # fmt: skip
    assert found(tmp_path) == [
        ".gitignore", ".mopsignore", "deep.txt", "keep.log", "local.txt", "model.py",
        "sub/.gitignore", "sub/b.log", "sub/data/raw/2.csv", "z1.txt",
    ]  # fmt: skip


def test_what_the_caller_leaves_out_no_pattern_brings_back(tmp_path: Path) -> None:
    fill(tmp_path, {"adaptive.yaml": "a", "model.py": "", ".gitignore": "!adaptive.yaml\n"})
    assert found(tmp_path, "adaptive.yaml") == [".gitignore", "model.py"]
    before = code_digest(file_digests(tmp_path, exclude=["adaptive.yaml"]))
    fill(tmp_path, {"adaptive.yaml": "b"})
    assert code_digest(file_digests(tmp_path, exclude=["adaptive.yaml"])) == before


def test_links_are_followed_once_and_broken_ones_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", {"x.csv": "1"})
    root = fill(tmp_path / "root", {"model.py": ""})
    (root / "data").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "pipe")
    assert found(root) == ["data/x.csv", "model.py"]


def test_a_program_stays_executable(tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"run.sh": "#!/bin/sh\n", "model.py": ""})
    (root / "run.sh").chmod(0o700)
    unpack(pack(root), tmp_path / "new")
    assert os.access(tmp_path / "new" / "run.sh", os.X_OK)
    assert (tmp_path / "new" / "model.py").stat().st_mode & 0o777 == 0o644


def test_a_large_folder_is_refused_with_its_largest_files_and_still_has_a_digest(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(9 * 2**20)
    fill(tmp_path, {"big.bin": noise, "small.csv": b"0" * 2**20, "model.py": ""})
    with pytest.raises(
        UserError, match=r"above 8 MiB when packed; the largest files are big\.bin \(9\.0 MiB\), small\.csv"
    ):
        pack(tmp_path)
    assert len(code_digest(file_digests(tmp_path))) == 64


def test_a_file_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        code_digest(file_digests(tmp_path / "nowhere"))


def test_unpacking_again_changes_nothing(tmp_path: Path) -> None:
    data = pack(fill(tmp_path / "root", {"a/b.txt": "x"}))
    unpack(data, tmp_path / "new")
    unpack(data, tmp_path / "new")
    assert (tmp_path / "new/a/b.txt").read_text() == "x"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new", "root"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..", "a\\..\\evil"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no plain file inside the folder"):
        unpack(archive_of((tarfile.TarInfo(name), b"x")), tmp_path / "inner" / "new")
    assert list(tmp_path.rglob("evil")) == []
    assert not (tmp_path / "inner" / "new").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = kind, "/etc"
    with pytest.raises(ValueError, match="no plain file"):
        unpack(archive_of((entry, b"")), tmp_path / "new")


def test_nothing_is_written_through_a_link_that_was_there(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "new"
    outside.mkdir()
    folder.mkdir()
    (folder / "a").symlink_to(outside)
    with pytest.raises(ValueError, match="through a link"):
        unpack(archive_of((tarfile.TarInfo("a/evil"), b"x")), folder)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no tar", mtime=0), pack(Path(__file__).parent)[:200]],
    ids=["nothing", "text", "no tar within", "cut short"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match="no archive"):
        unpack(data, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
