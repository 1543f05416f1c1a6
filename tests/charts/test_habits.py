"""What good charts do (docs/charts.md has the list), as properties of what the real Helm renders from ours."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelops_runtime.contracts.errors import UserError
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.charts.dask_workspace import DaskWorkspaceValues
from mops.charts.generate import CHARTS as MODELS
from mops.charts.values_files import with_files
from mops.cluster.access import Access
from mops.cluster.errors import ClusterError, naming_files
from mops.cluster.helm import Helm
from tests.charts.rendering import CHARTS, KUBERNETES, ROOT, SPEC, helm, manifest, pod_templates, program, render
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.cluster  # Helm is among what the test cluster is made of
FOLDERS = tuple(MODELS)
EVERYTHING = {chart: ROOT / f"tests/charts/values/{chart}.yaml" for chart in CHARTS}
READY = sorted(path for path in (ROOT / "values").glob("*/*.yaml"))
RENDERED = [(chart, ()) for chart in CHARTS]
RENDERED += [(chart, ("-f", str(path))) for chart, path in EVERYTHING.items()]
RENDERED += [(path.parent.name, ("-f", str(path))) for path in READY]
NAMES = [
    "-".join([chart, *(Path(flag).parent.name + "-" + Path(flag).stem for flag in flags[1:])])
    for chart, flags in RENDERED
]
KUBECONFIG = """
current-context: a
contexts: [{name: a, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
"""
each_rendering = pytest.mark.parametrize(("chart", "flags"), RENDERED, ids=NAMES)
DEFAULTS = {
    "dask-workspace": """
        Deployment/rel-scheduler Deployment/rel-worker
        NetworkPolicy/rel-scheduler NetworkPolicy/rel-selftest NetworkPolicy/rel-worker
        Pod/rel-selftest PodDisruptionBudget/rel-worker Secret/rel-dask-ca Secret/rel-dask-client-1 Secret/rel-dask-scheduler-1
        Secret/rel-dask-worker-1 Service/rel-scheduler ServiceAccount/rel-dask""",
    "adaptive-run": """
        ConfigMap/rel-postgres ConfigMap/rel-run Job/rel NetworkPolicy/rel-adaptive NetworkPolicy/rel-postgres Pod/rel-selftest
        Secret/rel-postgres Service/rel-postgres Service/rel-postgres-pods ServiceAccount/rel-adaptive ServiceAccount/rel-postgres
        StatefulSet/rel-postgres""",
}


def test_each_object_says_its_namespace_so_that_a_rendered_release_goes_where_it_belongs() -> None:
    for chart, more in zip(CHARTS, ("idle.enabled=true", "postgres.backup.enabled=true"), strict=True):
        made = render(chart, "-n", "there", "--set", f"monitoring.enabled=true,{more}")
        assert {one["metadata"].get("namespace") for one in made} == {"there"}


@pytest.mark.parametrize("chart", CHARTS)
def test_the_defaults_make_these_objects_and_no_others(chart: str) -> None:
    made = {f"{one['kind']}/{re.sub('-[0-9a-f]{8}$', '', one['metadata']['name'])}" for one in render(chart)}
    assert made == set(DEFAULTS[chart].split())


def test_there_are_ready_values_for_each_kind_of_cluster() -> None:
    assert {f"{path.parent.name}/{path.stem}" for path in READY} == {
        f"{chart}/{kind}" for chart in CHARTS for kind in ("dev", "kind", "aks", "production")
    }


@each_rendering
def test_no_pod_has_more_rights_than_it_needs(chart: str, flags: tuple[str, ...]) -> None:
    pods = pod_templates(render(chart, *flags))
    assert pods
    for name, pod in pods.items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["serviceAccountName"].startswith("rel-"), name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), name
        for container in spec["containers"] + spec.get("initContainers", []):
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False, name
            assert rights["readOnlyRootFilesystem"] is True, name
            assert rights["capabilities"] == {"drop": ["ALL"]}, name


@each_rendering
def test_every_container_says_what_it_needs_and_at_most_takes(chart: str, flags: tuple[str, ...]) -> None:
    for name, pod in pod_templates(render(chart, *flags)).items():
        for container in pod["spec"]["containers"]:
            for bound in ("requests", "limits"):
                given = container["resources"][bound]
                assert {"cpu", "memory", "ephemeral-storage"} <= set(given), (name, bound)


@each_rendering
def test_no_variable_is_given_twice(chart: str, flags: tuple[str, ...]) -> None:
    for name, pod in pod_templates(render(chart, *flags)).items():
        for container in pod["spec"]["containers"]:
            given = [variable["name"] for variable in container.get("env", [])]
            assert len(given) == len(set(given)), name


@each_rendering
def test_a_selector_finds_its_pods_and_holds_no_version(chart: str, flags: tuple[str, ...]) -> None:
    for one in render(chart, *flags):
        selector = one.get("spec", {}).get("selector", {})
        selector = selector.get("matchLabels", selector)
        labels = [pod["metadata"]["labels"] for pod in pod_templates([one]).values()]
        for held in (selector, *labels):
            assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(held) or one["kind"] == "Pod"
        if one["kind"] in ("Deployment", "StatefulSet"):
            assert selector.items() <= labels[0].items()
            assert "app.kubernetes.io/component" in selector


@each_rendering
def test_every_pod_is_under_a_network_policy_both_ways(chart: str, flags: tuple[str, ...]) -> None:
    objects = render(chart, *flags)
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    for name, pod in pod_templates(objects).items():
        labels = pod["metadata"]["labels"].items()
        mine = [policy for policy in policies if policy["podSelector"]["matchLabels"].items() <= labels]
        assert {way for policy in mine for way in policy["policyTypes"]} == {"Ingress", "Egress"}, name


@each_rendering
def test_hooks_are_the_tests_alone_and_speak_with_the_workloads_image(chart: str, flags: tuple[str, ...]) -> None:
    objects = render(chart, *flags)
    hooks = [one for one in objects if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    assert [one["metadata"]["name"] for one in hooks] == ["rel-selftest"]
    test = hooks[0]
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert test["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation"
    assert test["spec"]["activeDeadlineSeconds"] > 0
    workload = next(
        pod for name, pod in pod_templates(objects).items() if re.match(r"Deployment/rel-worker|Job/", name)
    )
    assert test["spec"]["containers"][0]["image"] == workload["spec"]["containers"][0]["image"]


@pytest.mark.parametrize("chart", CHARTS)
def test_every_pod_takes_what_a_cluster_may_ask_for(chart: str) -> None:
    objects = render(chart, "-f", str(EVERYTHING[chart]))
    accounts = {
        one["metadata"]["name"]: one["metadata"]["annotations"] for one in objects if one["kind"] == "ServiceAccount"
    }
    pods = pod_templates(objects)
    for name, pod in pods.items():
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        assert spec["imagePullSecrets"] == [{"name": "pull"}], name
        assert spec["nodeSelector"] == {"role": "given"}, name
        assert spec["tolerations"][0]["key"] == spec["topologySpreadConstraints"][0]["topologyKey"] == "given", name
        assert spec["priorityClassName"] == "given", name
        assert "nodeAffinity" in spec["affinity"], name
        assert {"name": "GIVEN", "value": "1"} in container["env"], name
        assert {"name": "given", "mountPath": "/given"} in container["volumeMounts"], name
        assert {"name": "given", "emptyDir": {}} in spec["volumes"], name
        assert accounts[spec["serviceAccountName"]] == {"given": "1"}, name
        if not name.startswith("Pod/"):
            assert pod["metadata"]["annotations"]["given"] == pod["metadata"]["labels"]["given"] == "1", name


@pytest.mark.parametrize(("chart", "longest"), [("dask-workspace", 40), ("adaptive-run", 43)])
def test_names_are_short_enough_for_the_longest_release_name_and_a_longer_one_is_refused(
    chart: str, longest: int
) -> None:
    for one in render(chart, "-f", str(EVERYTHING[chart]), release="r" * longest):
        limit = 52 if one["kind"] in ("StatefulSet", "Job", "CronJob") else 63
        assert len(one["metadata"]["name"]) <= limit, one["metadata"]["name"]
    with pytest.raises(AssertionError, match=f"longer than {longest} characters"):
        render(chart, release="r" * (longest + 1))


@pytest.mark.parametrize("chart", CHARTS)
def test_another_version_of_the_chart_changes_nothing_that_cannot_be_changed(chart: str, tmp_path: Path) -> None:
    """An upgrade must not run into a field that Kubernetes holds fixed."""
    shutil.copytree(ROOT / "charts" / chart, tmp_path / chart)
    about = tmp_path / chart / "Chart.yaml"
    about.write_text(re.sub(r"(?m)^(version|appVersion): .*$", r'\1: "9.9.9"', about.read_text()))
    spec = SPEC if chart == "adaptive-run" else ()
    newer = helm("template", "rel", str(tmp_path / chart), "--kube-version", "1.34.0", *spec)
    assert "9.9.9" in newer
    assert _fixed(render(chart)) == _fixed([one for one in yaml.safe_load_all(newer) if one])


def _fixed(objects: list[dict[str, Any]]) -> dict[str, Any]:
    keys = {"Deployment": ("selector",), "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates")}
    return {
        f"{one['kind']}/{one['metadata']['name']}": [one["spec"].get(key) for key in keys[one["kind"]]]
        for one in objects
        if one["kind"] in keys
    }


@each_rendering
def test_both_helms_render_the_same(chart: str, flags: tuple[str, ...]) -> None:
    if not program("helm3"):
        pytest.fail("no helm3: tests/cluster/up/binaries.sh helm3")
    assert _steady(render(chart, *flags)) == _steady(render(chart, *flags, which="helm3"))


def _steady(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what is drawn at random, in one order."""
    for one in objects:
        if one["kind"] == "Secret":
            one.pop("data", None), one.get("stringData", {}).pop("PGPASSWORD", None)
            one["metadata"].get("annotations", {}).pop("modelops.io/certificates-expire", None)
    return sorted(objects, key=lambda one: (one["kind"], one["metadata"]["name"]))


@pytest.mark.parametrize("chart", CHARTS)
def test_a_packaged_chart_needs_nothing_beside_it(chart: str, tmp_path: Path) -> None:
    """Shared helpers are real files of each chart: no link, no dependency by path."""
    assert [path for path in (ROOT / "charts").rglob("*") if path.is_symlink()] == []
    assert [path for path in (ROOT / "charts").rglob("Chart.yaml") if "file://" in path.read_text()] == []
    helm("package", str(ROOT / "charts" / chart), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    spec = SPEC if chart == "adaptive-run" else ()
    packaged = helm("template", "rel", str(package), "--kube-version", KUBERNETES, *spec)
    assert _steady([one for one in yaml.safe_load_all(packaged) if one]) == _steady(render(chart))


@pytest.mark.parametrize("chart", CHARTS)
def test_the_notes_say_what_to_do_next(chart: str) -> None:
    spec = SPEC if chart == "adaptive-run" else ()
    said = helm("install", "rel", str(ROOT / "charts" / chart), "--dry-run=client", "-n", "there", *spec)
    notes = said.partition("NOTES:")[2]
    assert "helm test -n there rel" in notes


@pytest.mark.parametrize("chart", CHARTS)
def test_a_digest_wins_over_a_tag(chart: str) -> None:
    key = "image" if chart == "adaptive-run" else "workers.image"
    text = manifest(chart, "--set", f"{key}.digest=sha256:abc,{key}.tag=x")
    assert re.search(r"image: modelops/\S+@sha256:abc\n", text)


@pytest.mark.parametrize("mode", ["managed", "external"])
def test_the_way_to_a_database_outside_is_open_to_its_addresses_alone(mode: str) -> None:
    outside = f"centralStore.mode={mode},centralStore.existingSecret=s,postgres.enabled=false"
    there = "centralStore.cidrs={192.0.2.2/32,2001:db8::2/128},centralStore.port=6432"

    def ways(*flags: str) -> list[object]:
        policies = (one for one in render("adaptive-run", *flags) if one["kind"] == "NetworkPolicy")
        return next(one["spec"]["egress"] for one in policies if one["metadata"]["name"] == "rel-adaptive")

    closed = ways("--set", outside)
    (way,) = (one for one in ways("--set", f"{outside},{there}") if one not in closed)
    assert way == {
        "to": [{"ipBlock": {"cidr": "192.0.2.2/32"}}, {"ipBlock": {"cidr": "2001:db8::2/128"}}],
        "ports": [{"port": 6432, "protocol": "TCP"}],
    }
    in_cluster = ways()
    assert ways("--set-json", 'centralStore.cidrs=["192.0.2.2/32"]') == in_cluster


@pytest.mark.parametrize(
    ("chart", "key", "most"),
    [
        ("dask-workspace", "replicas", 10_000),
        ("dask-workspace", "threads", 1_024),
        ("adaptive-run", "replicas", 10_000),
        ("adaptive-run", "slots", 1_024),
    ],
)
def test_more_workers_than_a_cluster_bears_are_refused(chart: str, key: str, most: int) -> None:
    render(chart, "--set", f"workers.{key}={most}")
    with pytest.raises(AssertionError, match=f"'/workers/{key}': maximum: got "):
        render(chart, "--set", f"workers.{key}={most + 1}")


def test_a_values_file_that_a_chart_refuses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(program("helm") or "").parent), prepend=os.pathsep)
    kubeconfig, file = tmp_path / "kubeconfig", tmp_path / "v.yaml"
    kubeconfig.write_text(KUBECONFIG)
    file.write_text("tls: {enabled: false, existingSecret: mine}\n")
    values = with_files(DaskWorkspaceValues(), (file,))
    with pytest.raises(UserError, match=rf"keep one; correct the spec, or {file}$"), naming_files((file,)):
        Helm(Access(kubeconfig=kubeconfig)).preview("ws", "ws", values, is_there=False)


def test_values_reach_helm_and_neither_its_arguments_nor_a_log_hold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The real helm, behind a program that writes down what it was called with."""
    real, argv = program("helm"), tmp_path / "argv"
    wrapper = tmp_path / "bin" / "helm"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {argv}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=os.pathsep)
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    values = AdaptiveRunValues.of({"run": {"spec": "version: 1"}, "postgres": {"auth": {"password": "hunter2"}}})
    with caplog.at_level(logging.DEBUG):
        asked = Helm(Access(kubeconfig=tmp_path / "kubeconfig"))
        rendered = asked.preview("run", "ns", values, is_there=False)
        with pytest.raises(ClusterError, match="the cluster does not answer"):
            asked.preview("run", "ns", values, is_there=True)
        with pytest.raises(ClusterError, match="the cluster does not answer"):
            asked.uninstall("run", "ns", 5)
    assert "hunter2" in str(rendered)
    called = argv.read_text()
    assert "template run" in called
    assert "upgrade run" in called
    assert "uninstall run" in called
    assert "running command: helm upgrade run" in caplog.text
    assert "hunter2" not in called + caplog.text


@pytest.mark.parametrize("folder", FOLDERS)
def test_unknown_values_are_refused_at_every_level_and_no_default_is_null(folder: str) -> None:
    schema = json.loads((ROOT / "charts" / folder / "values.schema.json").read_text())
    parts = [schema, *schema["$defs"].values()]
    assert [
        part["title"] for part in parts if part["type"] == "object" and part.get("additionalProperties") is not False
    ] == []
    assert "global" in schema["properties"]
    assert "null" not in json.dumps(yaml.safe_load((ROOT / "charts" / folder / "values.yaml").read_text()))


@pytest.mark.parametrize("folder", FOLDERS)
def test_helpers_carry_their_charts_name_and_shared_ones_the_projects(folder: str) -> None:
    defined = [
        name
        for path in sorted((ROOT / "charts" / folder / "templates").rglob("*"))
        if path.is_file()
        for name in re.findall(r'define "([^"]+)"', path.read_text())
    ]
    own = f"{folder.split('/')[-1]}."
    assert [name for name in defined if not name.startswith((own, "modelops."))] == []
    shared = [name for name in defined if name.startswith("modelops.")]
    assert shared == [
        name
        for path in sorted((ROOT / "charts/_shared").iterdir())
        for name in re.findall(r'define "([^"]+)"', path.read_text())
    ]


# These change what is drawn at random alone; tests/cluster/test_certificates.py tries them.
UNSEEN = {"tls.caDays", "tls.days", "tls.renewBeforeDays", "postgres.auth.password", "global", "postgres.global"}
# A value of another type than its default, or one that needs another beside it.
SPECIAL = {
    "run.spec": "version: 2",
    "workers.replicas": "5",
    "dask.address": "tcp://other:8786",
    "centralStore.mode": "external,centralStore.existingSecret=s,postgres.enabled=false",
    "centralStore.existingSecret": "s,centralStore.mode=managed,postgres.enabled=false",
    "centralStore.cidrs": "{192.0.2.2/32},centralStore.mode=managed,centralStore.existingSecret=s,postgres.enabled=false",
    "centralStore.port": "6432,centralStore.cidrs={192.0.2.2/32},centralStore.mode=external,"
    "centralStore.existingSecret=s,postgres.enabled=false",
    "postgres.enabled": "false,centralStore.mode=managed,centralStore.existingSecret=s",
    "tls.enabled": "false",
    "workers.disruption.maxUnavailable": "7",
    "scheduler.disruption.maxUnavailable": "7",
    "postgres.disruption.maxUnavailable": "7",
    "idle.apiServer.ports": "{8443}",
    "idle.apiServer.cidrs": "{192.0.2.2/32}",
}


@pytest.mark.parametrize("chart", CHARTS)
def test_every_value_changes_something(chart: str) -> None:
    model, everything = MODELS[chart], ("-f", str(EVERYTHING[chart]))
    before = _steady(render(chart, *everything))
    silent = [
        key
        for key, default in _leaves(model().model_dump(by_alias=True))
        if key not in UNSEEN and _steady(render(chart, *everything, *_another(key, default))) == before
    ]
    assert silent == []


def _leaves(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        open_ended = key in (
            "nodeSelector",
            "affinity",
            "annotations",
            "labels",
            "files",
            "requests",
            "limits",
            "global",
        )
        if isinstance(value, dict) and not open_ended:
            found += _leaves(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, value))
    return found


def _another(key: str, default: Any) -> tuple[str, str]:
    if key in SPECIAL:
        return "--set", f"{key}={SPECIAL[key]}"
    if key.endswith("pullPolicy"):
        return "--set", f"{key}=Never"
    if isinstance(default, bool):
        return "--set", f"{key}={str(not default if 'enabled' not in key else False).lower()}"
    if isinstance(default, int):
        return "--set", f"{key}={default + 1}"
    if isinstance(default, dict):
        return "--set-json", f'{key}={{"other":"1"}}'
    if isinstance(default, list):
        return "--set-json", f'{key}=[{{"name":"other"}}]'
    return "--set-string", f"{key}=other"


@pytest.mark.parametrize("chart", CHARTS)
def test_kube_score_finds_nothing_critical_in_the_defaults(chart: str, tmp_path: Path) -> None:
    judge = program("kube-score")
    if not judge:
        pytest.fail("no kube-score: tests/cluster/up/binaries.sh kube-score")
    (tmp_path / "all.yaml").write_text(manifest(chart))
    command = [judge, "score", "--kubernetes-version", "v1.34", "--output-format", "ci", str(tmp_path / "all.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert "[OK]" in done.stdout, done.stderr
    assert [line for line in done.stdout.splitlines() if "[CRITICAL]" in line] == []


def test_kube_score_does_find_what_is_wrong(tmp_path: Path) -> None:
    judge = program("kube-score")
    assert judge
    spoilt = manifest("dask-workspace").replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    (tmp_path / "all.yaml").write_text(spoilt)
    command = [judge, "score", "--output-format", "ci", str(tmp_path / "all.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert "[CRITICAL]" in done.stdout
