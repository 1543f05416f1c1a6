"""Real runs whose reports are looked at: the boarding school, one that fails, one with a ridge, one on a bound."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.projects import Project, mops_environment

SCHOOL = Path(__file__).parents[2] / "examples" / "boarding-school"

BREAKS = """
import model


def simulate(params, seed):
    print(f"beta {params['beta']:.3f}, gamma {params['gamma']:.3f}: one infectious boy of {params['population']}")
    if params["beta"] > 2.5:
        raise ValueError(f"probability of infection {params['beta'] / 2.5:.3f} is above 1")
    found = model.simulate(params, seed)
    if params["gamma"] < 0.2:
        found["in_bed"] = found["in_bed"][:7]
    return found
"""

GENERATIONS = '''
import numpy as np


def simulate(params, seed):
    """New cases by generation (Reed and Frost): beta (infections a day) and duration (days) act through their product alone."""
    rng = np.random.default_rng(seed)
    susceptible, cases, found = 2000, 5, []
    for _ in range(10):
        found.append(cases)
        cases = rng.binomial(susceptible, 1 - np.exp(-params["beta"] * params["duration"] * cases / 2000))
        susceptible -= cases
    return {"generation": np.arange(10), "cases": np.array(found, dtype=float)}
'''

RIDGE = """
version: 1
name: beta-and-duration
model: {entrypoint: "model.py:simulate", timeout: 20s, memory: 1Gi}
parameters:
  beta: {min: 0.05, max: 2.0, scale: log}     # infections a day
  duration: {min: 1.0, max: 14.0}             # days
targets:
  cases:
    observed: data.csv
    match: {exact: generation}
    value: cases
    loss: {kind: negative_binomial, dispersion: 10}
search: {trials: 300, replicates: {min: 10, max: 100}, seed: 3, lag: 4, confirm: {top: 5, replicates: 100}}
"""

CASES = "generation,cases\n0,5\n1,9\n2,19\n3,45\n4,71\n5,180\n6,265\n7,392\n8,301\n9,240\n"


def boarding_school(folder: Path) -> Project:
    shutil.copytree(SCHOOL, folder, ignore=shutil.ignore_patterns(".modelops", "modelops-out", "__pycache__"))
    home = folder.parent / f"{folder.name}-home"
    home.mkdir()
    return Project(folder, mops_environment(home))


def as_it_is(folder: Path) -> Project:
    """The example, apart from its lag."""
    return _changed(folder, {})


def failing(folder: Path) -> Project:
    """A model that raises for some sets and returns half of the days for others, until too many trials have failed."""
    changes = {"name: boarding-school": "name: failing", "model.py:simulate": "breaks.py:simulate"}
    # The first sets are the same in each run: more than three of the first ten fail, whatever is asked after them.
    made = _changed(folder, changes | {"seed: 1": "max_failed: 0.3\n  seed: 1"})
    (folder / "breaks.py").write_text(BREAKS)
    return made


def on_bound(folder: Path) -> Project:
    """The boarding school with too narrow a range for gamma."""
    return _changed(folder, {"name: boarding-school": "name: on-bound", "max: 1.0": "max: 0.3"})


def ridge(folder: Path) -> Project:
    """Two parameters of which the data see the product alone."""
    made = boarding_school(folder)
    for name, text in {"adaptive.yaml": RIDGE, "model.py": GENERATIONS, "data.csv": CASES}.items():
        (folder / name).write_text(text)
    return made


def _changed(folder: Path, changes: Mapping[str, str]) -> Project:
    made = boarding_school(folder)
    spec = (folder / "adaptive.yaml").read_text()
    # With a lag, every run asks the same sets whatever the machine's load: the pictures and what is tested of them stay the same.
    for old, new in {**changes, "trials: 300": "trials: 300\n  lag: 4"}.items():
        assert old in spec, f"the example's spec no longer has {old!r}"
        spec = spec.replace(old, new)
    (folder / "adaptive.yaml").write_text(spec)
    return made


PROJECTS: Mapping[str, tuple[Callable[[Path], Project], int]] = {
    "boarding-school": (as_it_is, 0),
    "failing": (failing, 1),
    "beta-and-duration": (ridge, 0),
    "on-bound": (on_bound, 0),
}
"""The run's name: (makes its folder, exit code of `mops run`)."""


def run_all(folder: Path) -> dict[str, Path]:
    """Run each project, two side by side, and `mops report --figures` on it, as a user would.

    Returns each one's page by the run's name; the figures are next to it.
    """
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PROJECTS, pool.map(lambda name: _page_of(name, folder / name), PROJECTS), strict=True))


def _page_of(name: str, folder: Path) -> Path:
    make, code = PROJECTS[name]
    made = make(folder)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == code, f"{name}: {ended.code}\n{ended.out}\n{ended.err}"
    ended = made.mops("report", name, "--to", "page.html", "--figures", "figures")
    assert ended.code == 0, ended.err
    assert ended.err == ""
    return made.root / "page.html"
