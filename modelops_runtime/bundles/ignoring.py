"""Which files of a folder are its own: patterns as in .gitignore."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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

    matches: re.Pattern[str]
    """Of a path below `folder`, with slashes."""
    folder: str
    """`""` for the root, else with a slash at its end."""
    keeps: bool
    folders_only: bool


def rules_of(patterns: Iterable[str], folder: str = "") -> list[Rule]:
    """Rules from lines as in .gitignore; comments and blank lines give none."""
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
        if (rule.folders_only and not is_folder) or not path.startswith(rule.folder):
            continue
        if rule.matches.fullmatch(path[len(rule.folder) :]):
            ignored = not rule.keeps
    return ignored


def _rule(line: str, folder: str) -> Rule | None:
    pattern = re.sub(r"(?<!\\)\s+$", "", line)
    if not pattern or pattern.startswith("#"):
        return None
    keeps = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    folders_only = pattern.endswith("/")
    pattern = pattern.rstrip("/")
    if not pattern:
        return None
    anchored = "/" in pattern
    return Rule(_regex(pattern.removeprefix("/"), anchored), folder, keeps, folders_only)


@lru_cache(maxsize=512)
def _regex(pattern: str, anchored: bool) -> re.Pattern[str]:
    """gitignore(5): `*` and `?` stop at a slash, `**/`, `/**` and `/**/` do not; without a slash it matches in any folder."""
    text = "" if anchored else "(?:.*/)?"
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/") and (at == 0 or pattern[at - 1] == "/"):
            text, at = text + "(?:.*/)?", at + 3
        elif rest == "**" and (at == 0 or pattern[at - 1] == "/"):
            text, at = text + ".+", at + 2
        elif rest[0] == "*":
            text, at = text + "[^/]*", at + 1
        elif rest[0] == "?":
            text, at = text + "[^/]", at + 1
        elif rest[0] == "[" and (end := pattern.find("]", at + 2)) > 0:
            text, at = text + _set(pattern[at + 1 : end]), end + 1
        else:
            at += rest[0] == "\\" and len(rest) > 1
            text, at = text + re.escape(pattern[at]), at + 1
    return re.compile(text, re.DOTALL)


def _set(inside: str) -> str:
    negated = inside[0] in "!^"
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[1:] if negated else inside)
    return f"(?!/)[{'^' if negated else ''}{escaped}]"
