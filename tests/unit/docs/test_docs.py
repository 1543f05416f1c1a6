"""What README.md and docs/ show is what the product takes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from modelops_runtime.contracts.space import ParameterSpace, RealParameter
from modelops_runtime.losses.loss import Loss, Observed, term_of
from modelops_runtime.models.loading import ModelSource, load_model
from modelops_runtime.specs.loading import load_spec
from modelops_runtime.specs.schema import adaptive_schema
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.charts.dask_workspace import DaskWorkspaceValues

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DATA = "t,y\n0,1.1\n1,2.9\n2,5.2\n3,6.8\n4,9.1\n"


def blocks(language: str, claims: str) -> list[Any]:
    """The fenced blocks of a language that hold `claims`, at a line's start."""
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}-{at}")
        for page in PAGES
        for at, (kind, text) in enumerate(FENCE.findall(page.read_text("utf-8")))
        if kind == language and re.search(rf"^{claims}", text, re.MULTILINE)
    ]


SPECS = blocks("yaml", "model:")
MODELS = blocks("python", r"# model\.py")
VALUES = blocks("yaml", "serviceAccount:")
ALGORITHMS = blocks("python", r"def create\(space")
LOSSES = blocks("python", r"def value\(simulated, term")


def test_every_page_that_shows_specs_models_algorithms_or_losses_is_read() -> None:
    assert (len(SPECS), len(MODELS), len(ALGORITHMS), len(VALUES)) >= (3, 3, 1, 1)
    assert LOSSES


@pytest.mark.parametrize("text", SPECS)
def test_a_whole_spec_in_the_docs_validates(text: str, tmp_path: Path) -> None:
    (tmp_path / "adaptive.yaml").write_text(text, "utf-8")
    (tmp_path / "data.csv").write_text(DATA, "utf-8")
    loaded = load_spec(tmp_path / "adaptive.yaml")
    assert loaded.observed["line"].num_rows == 5


@pytest.mark.parametrize("text", VALUES)
@pytest.mark.parametrize("model", [AdaptiveRunValues, DaskWorkspaceValues])
def test_values_for_either_chart_are_such(text: str, model: type[BaseModel]) -> None:
    model.model_validate(YAML(typ="safe").load(text))


@pytest.mark.parametrize("text", MODELS)
def test_a_model_in_the_docs_runs_in_each_of_its_forms(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(text, "utf-8")
    for name in re.findall(r"^(?:def|class) (simulate|[A-Z]\w*)", text, re.MULTILINE):
        scenarios = ["", *(f"/{scenario}" for scenario in re.findall(r'@scenario\("(.*?)"\)', text))]
        for scenario in scenarios:
            model = load_model(
                ModelSource(entrypoint=f"model.py:{name}{scenario}", root=str(tmp_path)), lambda: (0, 1, 2)
            )
            tables = model.simulate({"slope": 2.0, "height": 1.0}, 7)
            (table,) = tables.values()
            assert table.column_names == ["t", "y"]
            assert table.num_rows > 0
            assert model.description.has_derived == ("def derived" in text)
            assert bool(model.derived({"slope": 2.0, "height": 1.0})) == ("def derived" in text)


@pytest.mark.parametrize("text", ALGORITHMS)
def test_an_algorithm_in_the_docs_proposes_within_the_space(text: str, tmp_path: Path) -> None:
    (tmp_path / "documented_algorithm.py").write_text(text, "utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        module = import_module("documented_algorithm")
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("documented_algorithm", None)
    space = ParameterSpace(parameters=(RealParameter(name="beta", low=1.0, high=2.0),))
    first, again = (module.create(space, 3, {}).ask(2) for _ in range(2))
    assert first == again
    assert all(1.0 <= given.params["beta"] <= 2.0 for given in first)
    with pytest.raises(ValueError, match="no option"):
        module.create(space, 3, {"popsize": 2})


@pytest.mark.parametrize("text", LOSSES)
def test_a_loss_in_the_docs_scores_and_draws(text: str) -> None:
    names: dict[str, Any] = {"__name__": "documented_loss"}
    exec(compile(text, "documented_loss", "exec", dont_inherit=True), names)
    (loss,) = (value for value in names.values() if isinstance(value, Loss))
    options = loss.options.model_validate({"kind": "laplace", "scale": 0.5})
    term = term_of(loss, options, Observed(np.array([1.0, 3.0])))
    assert loss.value(np.array([[1.0, 2.0]]), term).tolist() == [[0.0, -2.0]], (
        "1/(2 scale) is 1 at y, and e^-2 two scales off"
    )
    drawn = loss.draw(np.zeros((50_000, 2)), term, np.random.default_rng(1)) if loss.draw is not None else np.zeros(0)
    assert np.abs(drawn).mean() == pytest.approx(0.5, rel=0.02)


def keys_of(part: Any) -> Iterator[str]:
    """Every key that a mapping of the spec may have."""
    if isinstance(part, dict):
        if isinstance(properties := part.get("properties"), dict):
            yield from properties
        for value in part.values():
            yield from keys_of(value)
    elif isinstance(part, list):
        for item in part:
            yield from keys_of(item)


@pytest.mark.parametrize("key", sorted(set(keys_of(adaptive_schema()))))
def test_every_key_of_the_schema_is_explained_in_spec_md(key: str) -> None:
    code = " ".join(re.findall(r"`[^`\n]+`", (ROOT / "docs" / "spec.md").read_text("utf-8")))
    assert re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", code)


def links() -> list[Any]:
    return [
        pytest.param(page, target, id=f"{page.relative_to(ROOT)}:{target}")
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
        if "://" not in target
    ]


@pytest.mark.parametrize(("page", "target"), links())
def test_a_link_points_to_a_file_and_a_heading_that_exist(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    assert file.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


ELSEWHERE = {
    "artifacthub.io/changes",
    "certs/ca.pem",
    "model.py:Class/scenario",
    "model.py:Line/flat",
    "modelops.io/workspace",
    "pkg.mod.Class/scenario",
    "pkg.mod.Line/flat",
    "pods/portforward",
    "tables/",
}
"""Names with a slash that are no paths, and paths in a user's folder."""


def is_placeholder(path: str) -> bool:
    """`values/CHART/`, `~/.cache`, `.modelops/ledger.sqlite`, `tls://`: not files of the repository."""
    hidden = path.startswith((".", "~", "/", "-")) and not path.startswith((".ci/", ".github/"))
    return hidden or "://" in path or "..." in path or "modelops-out/" in path or bool(re.search(r"[A-Z]{3}", path))


def paths() -> list[Any]:
    """Back-quoted paths with a slash, and back-quoted names of Python files."""
    found: list[Any] = []
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for name in dict.fromkeys(re.findall(r"`([^`\s]+)`", text)):
            if ("/" in name or name.endswith(".py")) and not is_placeholder(name) and name not in ELSEWHERE:
                found.append(pytest.param(name, id=f"{page.relative_to(ROOT)}:{name}"))
    return found


@pytest.mark.parametrize("name", paths())
def test_a_file_that_is_named_exists(name: str) -> None:
    if "/" not in name:
        assert name == "model.py" or any(any((ROOT / top).rglob(name)) for top in ("modelops_runtime", "scripts"))
        return
    head, _, rest = name.partition("{")
    options, _, tail = rest.partition("}")
    for option in options.split(","):
        assert (ROOT / f"{head}{option}{tail}").exists(), f"{head}{option}{tail}"
