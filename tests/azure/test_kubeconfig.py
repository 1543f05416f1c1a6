"""A kubeconfig is merged into the user's own: our entries change, and no other byte."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from modelops_runtime.contracts.errors import UserError
from mops_azure.kubeconfig import KINDS, dumped, merged_text
from tests.azure.arm_server import ArmServer

NAME = "modelops-anna-modelops"


def ours(**user: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": "https://ours", "certificate-authority-data": "eA=="}}],
        "users": [{"name": NAME, "user": user or {"token": "no"}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME,
    }


BLOCK = """\
# mine
apiVersion: v1
clusters:
- cluster: {server: 'https://lab', insecure-skip-tls-verify: true}   # the lab's
  name: "on"

# of the contexts
contexts:
- context:
    cluster: "on"
    user: "no"
  name: "y"
current-context: "y"
kind: Config
preferences: {}
users:
- name: "no"
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: ["no", "on", "y", '0123', "1e3", "a: b", "~", 'it''s', "2024-01-01"]
      command: login
      env:
      - name: SAY
        value: |
          no

          # no comment
      - {name: X, value: "off"}
      provideClusterInfo: false
"""


def as_kubectl(text: str) -> Any:
    """JSON as such, with its tabs; all else as YAML 1.1."""
    return json.loads(text) if text.startswith("{") else yaml.safe_load(text)


def without_ours(text: str) -> Any:
    found = as_kubectl(text)
    for kind in KINDS:
        found[kind] = [one for one in found.get(kind) or [] if one["name"] != NAME]
    return found


def merged_twice(text: str, *, use: bool = False) -> str:
    """Both times by the rules: the second time nothing changes, and a renewed entry changes alone."""
    once = merged_text(text, ours(), overwrite=False, use=use)
    found = as_kubectl(once)
    for kind in KINDS:
        assert [one for one in found[kind] if one["name"] == NAME] == ours()[kind], once
    assert merged_text(once, ours(), overwrite=False, use=use) == once
    renewed = merged_text(once, ours(token="new"), overwrite=False, use=use)
    assert without_ours(renewed) == without_ours(once)
    assert merged_text(renewed, ours(), overwrite=False, use=use) == once
    return once


def taken_out(before: str, after: str) -> None:
    """`after` is `before` with lines put in between, and none changed."""
    rest = iter(after.splitlines(keepends=True))
    for line in before.splitlines(keepends=True):
        assert line in rest, f"{line!r} is not there as it was:\n{after}"


def test_what_is_quoted_stays_quoted_and_every_line_is_there():
    once = merged_twice(BLOCK)
    taken_out(BLOCK, once)
    assert without_ours(once) == without_ours(BLOCK)
    assert once.index(NAME) < once.index("# of the contexts")


SAME_LINES = {
    "windows": BLOCK.replace("\n", "\r\n"),
    "with a mark of its encoding": "\ufeff" + BLOCK,
    "without a last line break": BLOCK.removesuffix("\n"),
    "deeper lists": "clusters:\n    -   name: 'no'\n        cluster: {server: x}\nusers:\n  - name: 'no'\n    user: {}\n",
    "a mark of its begin and end": f"%YAML 1.1\n---\n{BLOCK}...\n# after\n",
    "anchors": "clusters:\n- &c\n  name: a\n  cluster: &x {server: s}\n- name: b\n  cluster: *x\ncurrent-context: b\n",
    "nothing of ours": "kind: Config\nextensions: ['no']\n",
    "a comment at the end": "users:\n- name: a\n  user: {token: 'no'}\n# the end\n",
    "text that keeps its blank lines": "users:\n- name: a\n  user:\n    token: |+\n      x\n\n\n# c\nkind: Config\n",
    "text at its end": "users:\n- user:\n    token: |-\n      x\n  name: a\n- name: b\n  user:\n    token: >\n      no",
    "a comment after the dash": "clusters:\n- # first\n  name: a\n  cluster: {server: x}\ncurrent-context: a\n",
    "no value at all": "users:\n- name: a\n  user:\n    token:\nkind: Config\n",
}


@pytest.mark.parametrize("name", SAME_LINES)
def test_no_line_of_others_is_touched(name):
    text = SAME_LINES[name]
    once = merged_twice(text)
    end = "" if text.endswith("\n") else "\n"
    taken_out(text + end, once + end)
    assert without_ours(once) == without_ours(text) | {
        "current-context": without_ours(text).get("current-context") or NAME
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only words\n",
        "---\n",
        "null\n",
        "{}\n",
        "clusters: []\ncontexts: null\nusers: ~\nkind: Config\ncurrent-context: ''\n",
        "clusters:\ncontexts: # none\nusers: [ ] # none\npreferences: {}\ncurrent-context:\n",
        "clusters: [{name: 'no', cluster: {server: x}}] # one\nusers: [\n  {name: a, user: {token: 'y'}},\n]\n",
        json.dumps(yaml.safe_load(BLOCK)),
        json.dumps(yaml.safe_load(BLOCK), indent=2) + "\n",
        json.dumps(yaml.safe_load(BLOCK), indent="\t"),
        '{"kind": "Config", "clusters": null, "users": [], "current-context": ""}',
    ],
)
@pytest.mark.parametrize("use", [True, False])
def test_other_forms_keep_their_words_and_their_form(text, use):
    once = merged_twice(text, use=use)
    if text.startswith("{"):
        assert json.loads(once)
    before, after = as_kubectl(text) or {}, as_kubectl(once)
    assert after["current-context"] == (NAME if use else before.get("current-context") or NAME)
    for kind in KINDS:
        assert [one for one in after[kind] if one["name"] != NAME] == (before.get(kind) or [])
    for comment in ("# only words", "# none", "# one"):
        assert once.count(comment) == text.count(comment)


WORD = st.sampled_from(["no", "on", "y", "n", "off", "0123", "1e3", "~", "null", "a: b", "- x", "#", "2024-01-01", "a"])
SCALAR = st.tuples(WORD, st.sampled_from(["'", '"', "|", ">", "json"]))


def written(scalar: tuple[str, str], indent: int) -> str:
    word, style = scalar
    if style in "|>":
        return f"{style}\n{' ' * indent}{word}\n"
    return {"'": f"'{word}'", '"': f'"{word}"', "json": json.dumps(word)}[style] + "\n"


@st.composite
def kubeconfigs(draw: st.DrawFn) -> str:
    """Of many writers: order, depth, quotes, comments and line breaks as they come."""
    gap = st.sampled_from(["", "", "\n", "# a comment\n", "  # deeper\n"])
    parts = []
    for kind, part in draw(st.permutations(list(KINDS.items()))):
        indent = " " * draw(st.integers(0, 3))
        entries = draw(st.lists(SCALAR, max_size=3))
        if not entries:
            parts.append(draw(st.sampled_from(["", f"{kind}:\n", f"{kind}: []\n", f"{kind}: null # none\n"])))
            continue
        lines = f"{kind}:\n"
        for at, value in enumerate(entries):
            lines += draw(gap) + f"{indent}- name: lab{at}\n{indent}  {part}:\n{indent}    token: "
            lines += written(value, len(indent) + 6)
        parts.append(lines + draw(gap))
    parts.insert(draw(st.integers(0, 3)), draw(st.sampled_from(["", "kind: Config\n", "current-context: 'lab0'\n"])))
    text = "".join(parts)
    text = text.removesuffix("\n") if draw(st.booleans()) else text
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(kubeconfigs(), st.booleans())
def test_whoever_wrote_it_all_else_reads_as_before(text: str, use: bool):
    once = merged_twice(text, use=use)
    before = {kind: (yaml.safe_load(text) or {}).get(kind) or [] for kind in KINDS}
    assert {kind: without_ours(once)[kind] for kind in KINDS} == before
    for line in (kept := [line for line in text.splitlines() if "comment" in line or "deeper" in line]):
        assert once.splitlines().count(line) == kept.count(line)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Config\n---\nkind: Config\n",
        "clusters: &none\nusers: *none\n",
        "base: &b {clusters: [{name: x, cluster: {server: y}}]}\n<<: *b\nkind: Config\n",
        "users: &u\n- name: a\n  user: {}\ncopy: *u\n",
        "a: &a [*a]\n",
    ],
)
def test_what_cannot_be_added_to_without_a_change_is_refused(text):
    with pytest.raises(UserError, match="it was left alone"):
        merged_text(text, ours(), overwrite=False, use=False)


def test_what_we_write_ourselves_is_read_as_meant_by_every_version_of_yaml():
    content = ours(exec={"args": ["no", "1e3", "0o7", "é\n"], "env": [], "on": {"y": None}, "port": 6443})
    for read in (yaml.safe_load, YAML(typ="safe").load):
        assert read(dumped(content)) == content


def test_the_command_line_changes_nothing_else_and_keeps_a_link(arm: ArmServer, config, mops_azure, tmp_path):
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    file, link = tmp_path / "real", tmp_path / "kube"
    file.write_bytes(BLOCK.encode())
    file.chmod(0o644)
    link.symlink_to(file)
    for _ in range(2):
        done = mops_azure("kubeconfig", "--merge", config=path, env={"KUBECONFIG": str(link)})
        assert done.returncode == 0, done.stderr
        taken_out(BLOCK, file.read_text())
        assert (link.is_symlink(), stat.S_IMODE(file.stat().st_mode)) == (True, 0o600)
    used = mops_azure("kubeconfig", "--merge", "--use", config=path, env={"KUBECONFIG": str(link)})
    assert used.returncode == 0, used.stderr
    assert file.read_text().count(f'current-context: "{NAME}"\n') == 1
    assert not os.path.lexists(f"{link}.lock")


def test_a_kubeconfig_that_kubectl_has_locked_is_left(arm: ArmServer, config, mops_azure, tmp_path):
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    file, lock = tmp_path / "kube", tmp_path / "kube.lock"
    file.write_text(BLOCK)
    lock.touch()
    refused = mops_azure("kubeconfig", "--merge", config=path, env={"KUBECONFIG": str(file)})
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert f"{file}: another program is writing it; if there is none, delete {lock}" in refused.stderr
    assert (file.read_text(), lock.exists()) == (BLOCK, True)
