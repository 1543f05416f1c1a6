"""Names in a cluster: valid for any name, and never two names made one."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mops.cluster.names import LONGEST, run_namespace, slug, workspace_namespace

SERVICE = r"[a-z]([-a-z0-9]*[a-z0-9])?"
"""RFC 1035: what a Service may be called; a namespace and a release may be as much at least."""

run_names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(st.text() | run_names)
def test_any_name_gives_a_valid_one(name: str) -> None:
    made = slug(name)
    assert re.fullmatch(SERVICE, made)
    assert len(made) <= LONGEST
    assert len(f"{made}-postgres-pods") <= 63
    for namespace in (run_namespace(name), workspace_namespace(name)):
        assert re.fullmatch(SERVICE, namespace)
        assert len(namespace) <= 63


@given(st.text() | run_names, st.text() | run_names)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (slug(one) == slug(other)) == (one == other)


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True))
def test_a_name_that_is_valid_stays(name: str) -> None:
    assert slug(name) == name
    assert slug(slug(name)) == name


@given(st.from_regex(r"[a-z][a-z0-9]{60,62}", fullmatch=True))
def test_long_names_that_begin_alike_stay_apart(name: str) -> None:
    assert slug(f"{name[:-1]}0") != slug(f"{name[:-1]}1")
    assert slug(name).startswith(name[:20])


def test_the_default_workspace_is_in_the_namespace_of_its_name() -> None:
    assert workspace_namespace("modelops") == "modelops"
    assert workspace_namespace("gpu") == "modelops-ws-gpu"
    assert run_namespace("boarding-school") == "modelops-run-boarding-school"
    assert slug("1978-flu").startswith("r-1978-flu-")
