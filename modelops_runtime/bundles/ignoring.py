"""Which files of a folder are its own: patterns as in .gitignore."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

RESULTS_FILE = ".mops-results"
"""Lists, in a folder, what ModelOps itself wrote there: an ignore file, so that results never count as part of a model."""

IGNORE_FILES = (RESULTS_FILE, ".gitignore", ".mopsignore")
"""Read in each folder, for what is below it; later patterns win."""

ALWAYS = (
    ".git", ".hg", ".svn", ".venv", "venv/", "__pycache__/", "*.pyc", "*.pyo", "*.egg-info/",
    ".modelops/", "modelops-out/", "/out/",
    ".cache/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".hypothesis/", ".ipynb_checkpoints/", ".tox/", ".nox/",
    ".idea/", ".vscode/", ".DS_Store", "*.swp", "*~",
    ".env", ".env.*", RESULTS_FILE,
)  # fmt: skip
"""Versions, environments, caches, what a run writes, and files that hold secrets."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern of one folder."""

    pattern: GitIgnoreSpecPattern
    folder: str
    """`""` for the root, else with a slash at its end."""
    folders_only: bool
    by_name: bool
    """Whether only the last part of a path is compared: the pattern has no slash, or only one at its end."""
    whole: bool
    """Whether the pattern's expression has to match all of the path, since it also matches what is in a folder of that name."""
    below: bool
    """Whether the pattern matches a folder's contents but not the folder (`data/**`)."""

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether the rule matches a path (from the root, with slashes) itself; the folders above it are not compared."""
        if (self.folders_only and not is_folder) or not path.startswith(self.folder):
            return False
        text = path[len(self.folder) :]
        if self.by_name:
            text = text.rpartition("/")[2]
        if self.folders_only and not self.below:
            text += "/"
        found = self.pattern.match_file(text)
        return found is not None and (not self.whole or found.match.end() == len(text))


def rules_of(patterns: Iterable[str], folder: str = "") -> list[Rule]:
    """Rules from lines as in .gitignore; comments, blank lines, and what is no pattern to Git, give none."""
    return [rule for line in patterns if (rule := _rule(line, folder)) is not None]


def rules_in(directory: Path, folder: str) -> list[Rule]:
    """The rules that a folder's own ignore files add."""
    found: list[Rule] = []
    for name in IGNORE_FILES:
        file = directory / name
        if file.is_file():
            found += rules_of(file.read_text("utf-8", errors="replace").splitlines(), folder)
    return found


def list_results(folder: Path, names: Iterable[str]) -> None:
    """Note in `folder` (made at need) that these names in it are ours, before they are written."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RESULTS_FILE
    listed = file.read_text("utf-8").splitlines() if file.exists() else []
    if missing := [line for name in names if (line := f"/{name}") not in listed]:
        with file.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in missing)


def is_ignored(path: str, rules: Iterable[Rule], *, is_folder: bool) -> bool:
    """By the last rule that matches. `path` is from the root, with slashes."""
    ignored = False
    for rule in rules:
        if rule.pattern.include != ignored and rule.matches(path, is_folder=is_folder):
            ignored = not ignored
    return ignored


@lru_cache(maxsize=1024)
def _rule(line: str, folder: str) -> Rule | None:
    try:
        pattern = GitIgnoreSpecPattern(line)
    except (GitIgnorePatternError, re.error):
        return None
    text = line.rstrip().removeprefix("!")
    body = text.rstrip("/")
    if pattern.include is None or not body:
        return None
    return Rule(
        pattern=pattern,
        folder=folder,
        folders_only=text != body,
        by_name="/" not in body,
        whole=_OPEN.search(body) is None,
        below=body.endswith("/**") and body != "/**",
    )


_OPEN = re.compile(r"^\*\*?$|/\*\*$|\*\*/\*$")
