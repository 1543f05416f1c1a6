"""What is generated is what is committed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mops.charts.base import Values
from mops.charts.generate import CHARTS, outputs, strays
from tests.charts.rendering import helm
from tests.support.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENT = "charts/dask-workspace/templates/worker/deployment.yaml"
FIELD = '    host_network: bool = Field(default=False, description="true: workers use the node\'s network")\n'


def test_the_charts_values_schemas_and_tables_are_those_of_the_models() -> None:
    drifted = [path for path, text in outputs(ROOT / "charts") if path.read_text("utf-8") != text]
    assert drifted == [], "run `make charts`"
    assert strays(ROOT / "charts") == [], "run `make charts`"


def generate(copy: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`make charts`, in a copy of the repository."""
    command = [sys.executable, "-m", "mops.charts.generate", *args]
    return subprocess.run(
        command, cwd=copy / "scripts", capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """charts/, and what makes its values."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    shutil.copytree(ROOT / "scripts/mops/charts", tmp_path / "scripts/mops/charts", ignore=ignore)
    shutil.copy(ROOT / "scripts/mops/__init__.py", tmp_path / "scripts/mops")
    return tmp_path


def contents(copy: Path) -> dict[str, str]:
    return {str(path.relative_to(copy)): path.read_text() for path in (copy / "charts").rglob("*") if path.is_file()}


def test_a_shared_helper_that_was_changed_in_one_chart_alone_is_found_and_put_right(copy: Path) -> None:
    before = contents(copy)
    assert generate(copy, "--check").returncode == 0
    shared = copy / "charts/adaptive-run/charts/postgres/templates/_shared"
    (shared / "_labels.tpl").write_text("{{/* mine */}}")
    (shared / "_mine.tpl").write_text("{{/* mine */}}")
    found = generate(copy, "--check")
    assert found.returncode == 1
    assert [line.split()[0].rpartition("/")[2] for line in found.stdout.splitlines()] == ["_labels.tpl", "_mine.tpl"]
    assert generate(copy).returncode == 0
    assert contents(copy) == before


def add_a_key(copy: Path) -> None:
    """By hand, as docs/charts.md says: a field, and the template that uses it."""
    for path, line, place in [
        ("scripts/mops/charts/dask_workspace.py", FIELD, "    disruption: Disruption = Disruption(max_unavailable"),
        (DEPLOYMENT, "      hostNetwork: {{ .Values.workers.hostNetwork }}\n", "      enableServiceLinks: false\n"),
    ]:
        text = (copy / path).read_text()
        assert place in text
        (copy / path).write_text(text.replace(place, line + place))


def test_a_values_key_is_one_field_and_the_template_that_uses_it(copy: Path) -> None:
    before = contents(copy)
    add_a_key(copy)
    assert generate(copy).returncode == 0
    after = contents(copy)
    made = {f"charts/dask-workspace/{name}" for name in ("values.yaml", "values.schema.json", "README.md")}
    assert {name for name, text in after.items() if before.get(name) != text} == {DEPLOYMENT, *made}
    said = "  # true: workers use the node's network\n  hostNetwork: false\n"
    assert said in after["charts/dask-workspace/values.yaml"]
    assert "| `workers.hostNetwork` | `false` | true: workers use" in after["charts/dask-workspace/README.md"]


@pytest.mark.cluster
def test_a_values_key_that_was_added_reaches_the_pods_and_is_checked(copy: Path) -> None:
    add_a_key(copy)
    assert generate(copy).returncode == 0
    chart = str(copy / "charts/dask-workspace")
    assert helm("template", "rel", chart, "--set", "workers.hostNetwork=true").count("hostNetwork: true") == 1
    with pytest.raises(AssertionError, match=r"'/workers/hostNetwork': got string, want boolean"):
        helm("template", "rel", chart, "--set-string", "workers.hostNetwork=yes")


@pytest.mark.parametrize("model", CHARTS.values())
def test_every_value_says_what_it_is(model: type[Values]) -> None:
    assert list(_silent(model)) == []


def _silent(model: type[Values], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = type(getattr(model.model_construct(), name, None))
        if issubclass(inner, Values):
            found += _silent(inner, f"{prefix}{name}.")
        elif not field.description:
            found.append(prefix + name)
    return found
