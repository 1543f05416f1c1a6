"""From specs to chart values: what the charts' own models accept, and nothing that the spec does not say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.errors import SpecErrors, UserError
from modelops_runtime.specs.cluster import WorkersSpec
from modelops_runtime.specs.loading import LoadedSpec, load_spec
from mops.adaptive.files import LIMIT, run_files
from mops.adaptive.values import RunFiles, run_values
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.charts.base import Image, merged
from mops.charts.dask_workspace import DaskWorkspaceValues
from mops.charts.images import image_of, sibling_image
from mops.charts.values_files import with_files
from mops.cluster.helm import Release
from mops.workspace.release_ref import DaskBinding, workspace_of
from mops.workspace.spec import WorkspaceSpec, load_workspace, workspace_schema
from mops.workspace.values import workspace_values
from tests.support.projects import line_project, line_spec

ROOT = Path(__file__).resolve().parents[4]
DASK = DaskBinding(address="tls://ws-scheduler.ws.svc:8786", namespace="ws", secret="line-dask-tls", slots=3)
SECRET_MODE = "central_store: {kind: postgres, mode: %s, existing_secret: my-store}\n"


def loaded(folder: Path, extra: str = "", **changes: Any) -> LoadedSpec:
    made = line_project(folder / "line", extra=extra, **changes)
    return load_spec(made.root / "adaptive.yaml")


def values(folder: Path, extra: str = "", **more: Any) -> AdaptiveRunValues:
    spec = loaded(folder, extra)
    given = {"run_id": "line", "files": run_files(spec), "dask": DASK} | more
    return run_values(spec.spec, **given)


def workspace(folder: Path, text: str) -> WorkspaceSpec:
    (folder / "workspace.yaml").write_text(text)
    return load_workspace(folder / "workspace.yaml")


def test_a_run_takes_along_its_spec_its_model_and_its_data(tmp_path: Path) -> None:
    made = values(tmp_path)
    assert made.run.spec == (tmp_path / "line" / "adaptive.yaml").read_text()
    assert set(made.run.files) == {"model.py", "data.csv"}
    assert made.run.files["model.py"] == (tmp_path / "line" / "model.py").read_text()
    assert made.run.id == "line"
    assert made.dask.address == DASK.address
    assert made.dask.existing_secret == "line-dask-tls"
    assert made.central_store.mode == "in-cluster"
    assert made.postgres.enabled


def test_what_the_spec_says_of_the_cluster_reaches_the_chart(tmp_path: Path) -> None:
    extra = """
workers:
  image: reg.example.org:5000/a/adaptive:1.2
  replicas: 3
  resources: {requests: {cpu: 100m}, limits: {memory: 1Gi}}
  node_selector: {pool: cpu}
  tolerations: [{key: gpu, operator: Exists, effect: NoExecute, toleration_seconds: 30}]
central_store: {kind: postgres, database: runs, user: me, persistence: {size: 2Gi, storage_class: fast}}
"""
    made = values(tmp_path, extra, image=Image(repository="other"), pull_secrets=["reg"])
    assert (made.image.repository, made.image.tag) == ("reg.example.org:5000/a/adaptive", "1.2")
    assert made.workers.replicas == 3
    assert made.workers.resources.requests == {"cpu": "100m"}
    assert made.workers.pods.node_selector == {"pool": "cpu"}
    assert made.workers.pods.tolerations == [
        {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}
    ]
    assert (made.postgres.database, made.postgres.user) == ("runs", "me")
    assert (made.postgres.persistence.size, made.postgres.persistence.storage_class) == ("2Gi", "fast")
    assert made.image_pull_secrets == made.postgres.image_pull_secrets == [{"name": "reg"}]


@pytest.mark.parametrize("mode", ["managed", "external"])
def test_another_postgres_is_named_by_its_secret(mode: str, tmp_path: Path) -> None:
    made = values(tmp_path, SECRET_MODE % mode)
    assert (made.central_store.mode, made.central_store.existing_secret) == (mode, "my-store")
    assert not made.postgres.enabled


def test_files_that_are_no_text_travel_too(tmp_path: Path) -> None:
    spec = loaded(tmp_path)
    (spec.root / "weights.bin").write_bytes(bytes(range(256)))
    made = run_files(spec)
    assert set(made.binary) == {"weights.bin"}
    import base64

    assert base64.b64decode(made.binary["weights.bin"]) == bytes(range(256))


def test_ignored_files_stay_at_home_and_ignored_data_does_not(tmp_path: Path) -> None:
    spec = loaded(tmp_path)
    (spec.root / "notes.txt").write_text("mine")
    (spec.root / ".mopsignore").write_text("notes.txt\ndata.csv\n")
    (spec.root / ".env").write_text("PASSWORD=hunter2")
    assert set(run_files(spec).files) == {"model.py", "data.csv"}


def test_secrets_and_links_out_of_the_folder_stay_at_home_unless_they_are_allowed(tmp_path: Path) -> None:
    spec = loaded(tmp_path)
    (spec.root / "id_rsa").write_text("mine")
    (tmp_path / "elsewhere.csv").write_text("1")
    (spec.root / "table.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(UserError, match=r"id_rsa \(looks like a secret\), table.csv \(a link to .*/elsewhere.csv\)"):
        run_files(spec)
    (spec.root / ".mopsinclude").write_text("table.csv\n")
    with pytest.raises(
        UserError, match=r": id_rsa \(looks like a secret\) would be sent to the cluster; list .*\.mopsignore"
    ):
        run_files(spec)
    (spec.root / ".mopsignore").write_text("id_rsa\n")
    assert set(run_files(spec).files) == {"model.py", "data.csv", "table.csv", ".mopsinclude"}


def test_data_that_is_a_link_travels_under_its_own_name(tmp_path: Path) -> None:
    spec = loaded(tmp_path)
    (spec.root / "tables").mkdir()
    (spec.root / "data.csv").rename(spec.root / "tables" / "newest.csv")
    (spec.root / "data.csv").symlink_to("tables/newest.csv")
    assert {"data.csv", "tables/newest.csv"} <= set(run_files(spec).files)
    (tmp_path / "outside.csv").write_text((spec.root / "data.csv").read_text())
    (spec.root / "data.csv").unlink()
    (spec.root / "data.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(UserError, match=r"data.csv \(a link to .*/outside.csv\)"):
        run_files(spec)


def test_too_much_for_a_release_is_refused_with_the_largest_files(tmp_path: Path) -> None:
    spec = loaded(tmp_path)
    (spec.root / "table.txt").write_text("x" * LIMIT)
    with pytest.raises(UserError, match=r"above the 400 KB of a release; the largest files are table.txt \(400 KB\)"):
        run_files(spec)


def test_data_outside_of_the_folder_is_refused_at_its_place(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    (made.root / "data.csv").rename(tmp_path / "data.csv")
    text = (made.root / "adaptive.yaml").read_text().replace("observed: data.csv", "observed: ../data.csv")
    (made.root / "adaptive.yaml").write_text(text)
    with pytest.raises(UserError, match=r"adaptive.yaml:\d+:\d+: ../data.csv is outside of the spec's folder"):
        run_files(load_spec(made.root / "adaptive.yaml"))


def test_a_workspace_reaches_its_chart(tmp_path: Path) -> None:
    text = """
version: 1
namespace: team-a
dask:
  scheduler: {image: "reg/modelops/dask-scheduler:1", node_selector: {pool: system}}
  workers: {image: "reg/modelops/dask-worker@sha256:%s", replicas: 7, threads: 2, resources: {requests: {cpu: 2}}}
""" % ("a" * 64)
    spec = workspace(tmp_path, text)
    assert spec.namespace == "team-a"
    made = workspace_values(spec, pull_secrets=["reg"])
    assert made.scheduler.image.tag == "1"
    assert made.scheduler.pods.node_selector == {"pool": "system"}
    assert made.workers.image.digest == "sha256:" + "a" * 64
    assert (made.workers.replicas, made.workers.threads) == (7, 2)
    assert made.workers.resources.requests == {"cpu": "2"}
    assert made.image_pull_secrets == [{"name": "reg"}]
    assert not made.idle.enabled


@pytest.mark.parametrize(("idle", "seconds"), [("30m", 1800), ("1500ms", 2), ("2h", 7200)])
def test_a_workspace_that_may_sleep_says_after_how_long(idle: str, seconds: int, tmp_path: Path) -> None:
    spec = workspace(tmp_path, f"version: 1\nidle: {idle}\n")
    made = workspace_values(spec)
    assert (made.idle.enabled, made.idle.after_seconds) == (True, seconds)


def test_a_workspace_that_says_nothing_leaves_all_to_the_chart(tmp_path: Path) -> None:
    assert workspace_values(workspace(tmp_path, "version: 1\n")).for_helm() == {}
    none = workspace_values(workspace(tmp_path, "{version: 1, dask: {workers: {replicas: 0}}}"))
    assert none.for_helm() == {"workers": {"replicas": 0}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dask: {}\n", "1:1: version is missing"),
        ("version: 2\n", "1:10: version is 2; it must be 1"),
        ("version: 1\nworkers: {}\n", "2:1: there is no key 'workers' here"),
        ("version: 1\ndask: {workers: {replicas: '3'}}\n", "replicas is '3'; a whole number is wanted"),
        ("version: 1\ndask: {workers: {replicas: -1}}\n", "replicas is -1; it must be at least 0"),
        ("version: 1\ndask: {workers: {replicas: 10001}}\n", "replicas is 10001; it must be at most 10000"),
        ("version: 1\ndask: {workers: {threads: 1025}}\n", "threads is 1025; it must be at most 1024"),
        ("version: 1\nidle: 30\n", "30 has no unit"),
        ("version: 1\nnamespace: Team_A\n", "namespace is 'Team_A'"),
        ("version: 1\ndask: {scheduler: {replicas: 2}}\n", "there is no key 'replicas' here"),
    ],
)
def test_a_mistake_in_a_workspace_has_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as refused:
        workspace(tmp_path, text)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path}/workspace.yaml:")


def test_the_schema_of_a_workspace_takes_what_the_loader_takes(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    schema = Draft202012Validator(workspace_schema())
    for content, ok in [
        ({"version": 1, "idle": "30m", "dask": {"workers": {"replicas": 3}}}, True),
        ({"version": 1, "dask": {"workers": {"replicas": -1}}}, False),
        ({"version": 1, "dask": {"workers": {"replicas": 10_000, "threads": 1024}}}, True),
        ({"version": 1, "dask": {"workers": {"replicas": 10_001}}}, False),
        ({"version": 1, "dask": {"workers": {"threads": 1025}}}, False),
        ({"version": 1, "idle": "soon"}, False),
        ({"dask": {}}, False),
    ]:
        assert schema.is_valid(content) == ok, content


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("a", {"repository": "a", "tag": "latest"}),
        ("host:5000/a/b", {"repository": "host:5000/a/b", "tag": "latest"}),
        ("host:5000/a/b:1.2", {"repository": "host:5000/a/b", "tag": "1.2"}),
        ("a/b@sha256:00", {"repository": "a/b", "digest": "sha256:00"}),
        ("a/b:1@sha256:00", {"repository": "a/b", "tag": "1", "digest": "sha256:00"}),
    ],
)
def test_an_image_reference_comes_apart(reference: str, parts: dict[str, str]) -> None:
    assert image_of(reference).model_dump(exclude_unset=True) == parts


def test_the_adaptive_workers_image_is_beside_the_workspaces() -> None:
    image = Image(repository="reg/modelops/dask-worker", tag="7")
    assert sibling_image(image, "adaptive-worker") == Image(repository="reg/modelops/adaptive-worker", tag="7")
    assert sibling_image(image.model_copy(update={"digest": "sha256:0"}), "adaptive-worker") is None
    assert sibling_image(Image(repository="mine/models", tag="7"), "adaptive-worker") is None


trees = st.recursive(
    st.integers() | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(mappings, mappings)
def test_merging_keeps_all_that_is_not_said_anew(one: dict[str, Any], over: dict[str, Any]) -> None:
    made = merged(one, over)
    assert merged(made, over) == made
    for key in {*one, *over}:
        if key not in over:
            assert made[key] == one[key]
        elif not isinstance(over[key], dict):
            assert made[key] == over[key]
    assert merged(one, {}) == one


def test_no_password_is_ever_among_the_values(tmp_path: Path) -> None:
    made = run_values(loaded(tmp_path).spec, run_id="line", files=RunFiles(spec=line_spec()), dask=DASK)
    assert "password" not in str(made.for_helm()).lower()
    assert WorkersSpec().image is None


def test_a_registry_holds_the_images_that_the_file_does_not_name(tmp_path: Path) -> None:
    spec = workspace(tmp_path, "{version: 1, dask: {workers: {image: 'other.example.org/mine:2'}}}")
    made = workspace_values(spec, registry="reg.azurecr.io")
    assert made.for_helm() == {
        "scheduler": {"image": {"repository": "reg.azurecr.io/modelops/dask-scheduler"}},
        "workers": {"image": {"repository": "other.example.org/mine", "tag": "2"}},
    }
    plain = workspace_values(workspace(tmp_path, "version: 1\n"), registry="reg.azurecr.io")
    beside = Image(repository="reg.azurecr.io/modelops/adaptive-worker")
    assert sibling_image(plain.workers.image, "adaptive-worker") == beside


def release_with(values: dict[str, Any]) -> Release:
    return Release(name="ws", namespace="ns", revision=1, status="deployed", updated=datetime.now(UTC), values=values)


def test_a_release_that_was_given_a_part_of_an_image_keeps_the_rest_of_the_chart(tmp_path: Path) -> None:
    found = workspace_of(
        "ws", release_with({"workers": {"image": {"tag": "7"}, "resources": {"limits": {"cpu": "9"}}}})
    )
    assert found.values.workers.image == Image(repository="modelops/dask-worker", tag="7")
    assert found.values.workers.replicas == 2
    assert found.worker_image is not None
    assert workspace_of("ws", release_with({})).worker_image is None


@pytest.mark.parametrize("given", [
    {}, {"workers": {"image": {"tag": "7"}, "resources": {"limits": {"cpu": None, "memory": "9Gi"}}}},
    {"tls": {"enabled": False}, "imagePullSecrets": [{"name": "reg"}], "idle": {"pods": {"affinity": {"a": {"b": 1}}}}},
])  # fmt: skip
def test_helm_is_given_what_was_given_and_no_default_of_todays_chart(given: dict[str, Any]) -> None:
    values = DaskWorkspaceValues.of(given)
    assert values.for_helm() == given
    assert values.over({"workers": {"replicas": 7}}).for_helm() == merged(given, {"workers": {"replicas": 7}})


def test_a_release_of_another_chart_version_is_told_by_the_value_that_is_not_known() -> None:
    with pytest.raises(UserError, match=r"release ns/ws .*there is no key 'worker' here; use the version of mops"):
        workspace_of("ws", release_with({"worker": {"replicas": 1}}))


@pytest.mark.parametrize(("content", "said"), [
    ("workers: {replicas: many}\n", ":1:21: replicas is 'many'; a whole number is wanted"),
    ("workers:\n  replicas: -1\n", ":2:13: replicas is -1; it must be at least 0"),
    ("workers:\n  replica: 1\n", ":2:3: there is no key 'replica' here; did you mean replicas?"),
    ("workers: {disruption: {maxUnavailable: []}}\n", ":1:24: a list is neither a number nor a text"),
    ("workers: {resources: {requests: {cpu: 2}}}\n", ":1:39: cpu is 2; text is wanted: put it in quotes"),
    ("tls: yes please\n", ":1:6: tls is 'yes please'; a mapping is wanted"),
    ("idle: {apiServer: {cidrs: [nowhere]}}\n", ":1:28: cidrs[0] is 'nowhere'"),
])  # fmt: skip
def test_a_mistake_in_a_values_file_has_its_place(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(content)
    with pytest.raises(SpecErrors) as refused:
        with_files(DaskWorkspaceValues(), (tmp_path / "v.yaml",))
    assert f"{tmp_path}/v.yaml{said}" in str(refused.value)


def test_a_later_values_file_wins_over_an_earlier_one_and_both_over_the_spec(tmp_path: Path) -> None:
    for name, content in {"a": "workers: {replicas: 3, threads: 2}", "b": "workers: {threads: 4}"}.items():
        (tmp_path / name).write_text(content)
    spec = workspace(tmp_path, "{version: 1, dask: {workers: {replicas: 1, image: 'mine:1'}}}")
    made = with_files(workspace_values(spec), (tmp_path / "a", tmp_path / "b"))
    assert made.for_helm() == {"workers": {"image": {"repository": "mine", "tag": "1"}, "replicas": 3, "threads": 4}}


READY = [path for folder in ("values", "tests/charts/values") for path in sorted((ROOT / folder).rglob("*.yaml"))]


@pytest.mark.parametrize("path", READY, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_ready_values_pass_through_the_models_unchanged(path: Path) -> None:
    chart = AdaptiveRunValues if "adaptive-run" in str(path.relative_to(ROOT)) else DaskWorkspaceValues
    assert with_files(chart(), (path,)).for_helm() == yaml.safe_load(path.read_text())
