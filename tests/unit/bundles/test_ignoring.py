"""Patterns mean what they mean to Git, which judges the same folder here."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from modelops_runtime.bundles.archive import files_of
from tests.support.needs import need

PATTERNS = (
    "*", "/*", "**", "/**", "*/", "**/", "/**/", "a", "a/", "/a", "/a/", "a/b", "a/**", "a/**/", "a/*", "a/*/", "**/b", "**/*",
    "**/*/", "a/**/b", "*.log", "*.log/", "keep", "keep/", "a*", "?", "[ab]", "[!a]", "[a-b]x", "[]a]", "\\#h", "\\!odd", "a\\*",
    "x y", "trail  ", "# note", "", "/", "[z-a]", "[",
)  # fmt: skip
NAMES = ("a", "b", "a.log", "keep", "x y", "[ab]x", "ax", "!odd", "#h", "trail", "a*")


def by_git(folder: Path) -> set[str]:
    listed = subprocess.run(
        ["git", "-C", folder, "-c", "core.excludesFile=", "ls-files", "--others", "--exclude-standard", "-z"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(filter(None, listed.stdout.split("\0")))


def some_folder(random: random.Random, root: Path) -> dict[str, list[str]]:
    """A few files below `root`, and ignore files in it and in one folder of it: their lines by folder."""
    for _ in range(14):
        path = root.joinpath(*random.choices(NAMES, k=random.choice((1, 2, 2, 3))))
        if not any(above.is_file() for above in (path, *path.parents)) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name != ".git")
    lines = {}
    for folder in (root, *random.sample(folders, min(1, len(folders)))):
        lines[folder.name] = [
            random.choice(("", "", "!")) + random.choice(PATTERNS) for _ in range(random.randint(1, 4))
        ]
        (folder / ".gitignore").write_text("".join(f"{line}\n" for line in lines[folder.name]))
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_what_is_ignored_is_what_git_ignores(seed: int, tmp_path: Path) -> None:
    need("git", shutil.which("git"))
    chosen, judged = random.Random(seed), 0
    for each in range(40):
        root = tmp_path / str(each)
        subprocess.run(["git", "init", "-q", root], check=True)
        lines = some_folder(chosen, root)
        expected = by_git(root)
        assert {file.name for file in files_of(root, exclude=["/.git"])} == expected, lines
        judged += bool(expected)
    assert judged > 10
