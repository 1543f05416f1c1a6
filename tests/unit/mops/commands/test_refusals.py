"""What is refused as the user's mistake before a cluster is asked: a line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import UserError
from mops.charts.dask_workspace import DaskWorkspaceValues
from mops.charts.values_files import with_files
from mops.cli import main
from mops.cluster.access import Access
from mops.cluster.helm import Helm
from mops.commands.options import seconds
from mops.workspace.spec import load_workspace
from mops.workspace.up import down

KUBECONFIG = """
current-context: a
contexts: [{name: a, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
"""


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line on standard error."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, ""), said.err
    (line,) = said.err.splitlines()
    return line


@pytest.fixture(autouse=True)
def nothing_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound kubeconfig, of a cluster that is not there."""
    (tmp_path / "sound").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "sound"))
    monkeypatch.setattr("mops.cluster.helm.helm_version", lambda: "4.2.4")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x: [", ":1:5: this is not YAML: "),
        ("- 1\n", ": this is no kubeconfig; set KUBECONFIG"),
        ("5\n", ": this is no kubeconfig; set KUBECONFIG"),
        ("{current-context: a, contexts: 5}", ": this is no kubeconfig; set KUBECONFIG"),
        ("", "file is empty; set KUBECONFIG"),
        (b"\xff\x00", ": this is not YAML in UTF-8"),
        ("a: \x01", ": this is not YAML in UTF-8"),
        (None, ": there is no such file; set KUBECONFIG"),
    ],
)
@pytest.mark.parametrize("command", ["dashboard", "workspace ls"])
def test_a_broken_kubeconfig_is_named(
    command: str, content: str | bytes | None, said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("KUBECONFIG", str(file))
    line = refusal(capsys, *command.split())
    assert str(file) in line
    assert said in line


def test_a_folder_is_no_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path))
    assert f"{tmp_path}: Is a directory; set KUBECONFIG" in refusal(capsys, "workspace", "ls")


def test_a_kubeconfig_or_context_that_is_not_there_is_told_before_helm_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "nosuch")
    line = refusal(capsys, "workspace", "ls", "--kubeconfig", missing)
    assert line == f"mops: {missing}: there is no such file; --kubeconfig is a file that kubectl takes"
    assert "Expected object with name nope" in refusal(capsys, "adaptive", "status", "--context", "nope")


def test_a_sound_kubeconfig_is_no_reason_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Helm(Access())
    Helm(Access(context="a"))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'nosuch'}:{tmp_path / 'sound'}")
    Helm(Access())
    Helm(Access(kubeconfig=tmp_path / "sound")).access.api()


@pytest.mark.parametrize("count", ["x", "10001", "99999999999", "1.5"])
def test_a_number_of_workers_is_whole_and_has_a_limit(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, "workspace", "scale", count, "bk")
    assert f"'N': '{count}' is not a whole number from 0 to 10,000; see " in line


@pytest.mark.parametrize("args", [
    ("workspace", "up", "", "--dry-run"), ("workspace", "down", " "), ("workspace", "up", "--namespace", ""),
    ("adaptive", "down", ""), ("adaptive", "status", ""), ("adaptive", "up", "adaptive.yaml", "--run-id", ""),
    ("dashboard", ""),
])  # fmt: skip
def test_an_empty_name_is_no_name(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert "it is empty; give a name" in refusal(capsys, *args)


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_timeout_is_above_0(more: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert "'0s' is not a duration; " in refusal(capsys, "workspace", "up", "--timeout", "0s", *more)
    with pytest.raises(UserError, match="above 0"):
        seconds("0s")
    assert seconds("90s") == 90


def test_a_missing_file_is_told_by_its_own_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file; give the path of a workspace\.yaml"):
        load_workspace(tmp_path / "nosuch")
    with pytest.raises(UserError, match="no such file; give the path of a values file"):
        with_files(DaskWorkspaceValues(), (tmp_path / "nosuch.yaml",))


def test_what_is_taken_down_and_not_there_is_looked_for_and_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Helm, "release", lambda *_: None)
    monkeypatch.setattr(Helm, "releases", lambda *_: [])
    access = Access(context="a", flags=" --context a")
    with pytest.raises(UserError, match=r"no workspace 'nowhere'; `mops workspace ls --context a` lists") as refused:
        down(access, "nowhere", None, purge=False, force=False, timeout_s=1, notify=lambda _: None)
    assert "workspace up" not in str(refused.value)
