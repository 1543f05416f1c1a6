"""`mops init`: a small project that runs as it is."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from modelops_cli.output import echo_line

FILES = {
    "adaptive.yaml": "adaptive.yaml",
    "model.py": "model.py",
    "data.csv": "data.csv",
    "README.md": "README.md",
    "gitignore": ".gitignore",
}
"""In the package (`mops/project`) -> in the project."""

_NAME = "PROJECT_NAME"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Of the run: a-z, 0-9 and -; default: made of the folder's name.")
def command(folder: Path, name: str | None) -> None:
    """Write a project into DIR: a spec, a stochastic model, data that were made with it, and a README.

    It runs as it is, so that you can put your own model and data in their place, one after the other.
    A folder that has any of these files is left as it is (exit code 2).

    \b
    mops init beetles
    cd beetles
    mops run --spec adaptive.yaml
    """
    from modelops_runtime.api.project import run_name
    from modelops_runtime.contracts.errors import UserError
    from modelops_runtime.specs.cluster import DNS_LABEL

    project_name = run_name(folder.resolve().name) if name is None else name
    if not re.fullmatch(DNS_LABEL, project_name):
        raise UserError(f"--name is {project_name!r}; it must be a-z, 0-9 and -, up to 63 characters")
    _refuse_what_is_there(folder)
    _write(folder, project_name)
    echo_line(f"wrote {', '.join(FILES.values())} in {folder}")
    echo_line(f"next: cd {folder}; mops run --spec adaptive.yaml (README.md says more)")


def _refuse_what_is_there(folder: Path) -> None:
    from modelops_runtime.contracts.errors import UserError

    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        raise UserError(f"{folder} is no folder; give the name of a new one")
    present = [name for name in FILES.values() if (folder / name).exists() or (folder / name).is_symlink()]
    if present:
        raise UserError(
            f"{folder} has {', '.join(present)} already; give the name of a new folder, nothing was written"
        )


def _write(folder: Path, project_name: str) -> None:
    """All files, or none: what was written before a failure is taken back. An existing file is never opened."""
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, name in FILES.items():
            text = files("mops").joinpath("project", source).read_text("utf-8").replace(_NAME, project_name)
            with (folder / name).open("x", encoding="utf-8") as file:
                written.append(folder / name)
                file.write(text)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
