"""Two runs are the same when nothing that a result follows from differs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from pydantic import ValidationError

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.identity import (
    differences,
    identity_of,
    identity_parts,
    kept_parts,
    spec_json,
    table_digest,
    written_parts,
)
from tests.unit.specs.files import DATA, FULL, load

CHANGES = [
    ("model.py:simulate", "model.py:other", "model.entrypoint"),
    ("config: {dt: 0.25}", "config: {dt: 0.5}", "model.config"),
    ("seed_bits: 64", "seed_bits: 32", "model.seed_bits"),
    ('{MY_FLAG: "1"}', '{MY_FLAG: "2"}', "model.env"),
    ("min: 0.5,", "min: 0.4,", "parameters.beta"),
    ("population: 763", "population: 764", "parameters.population"),
    ("dispersion: 10", "dispersion: 11", "targets.in_bed"),
    ("min: 0.2,", "min: 0.1,", "nuisance.seen"),
    ("weight: 1.0", "weight: 2.0", "targets.in_bed"),
    ("sampler: tpe", "sampler: random", "search.options"),
    ("beta: 1.7", "beta: 1.8", "search.guesses"),
    ("guesses_from_prior: 2", "guesses_from_prior: 3", "search.guesses_from_prior"),
    ("replicates: 10\n", "replicates: 11\n", "search.replicates"),
    ("  seed: 1\n", "  seed: 2\n", "search.seed"),
    ("racing: {after: 3}", "racing: false", "search.racing"),
    ("common_random_numbers: true", "common_random_numbers: false", "search.common_random_numbers"),
    ("lag: 0", "lag: 2", "search.lag"),
    ("tolerate: 0.2", "tolerate: 0.1", "search.replicate_failures"),
    ("on_failure: worst", "on_failure: ignore", "search.on_failure"),
]
FREE = [
    ("trials: 300", "trials: 400"),
    ("timeout: 30s", "timeout: 60s"),
    ("memory: 2Gi", "memory: 1Gi"),
    ("stop: {time: 2h, plateau: 100, loss: 10}", "stop: {}"),
    ("{top: 5, replicates: 50}", "{top: 0}"),
    ("max_failed: 0.5", "max_failed: 1"),
    ("outputs: {keep: none}", "outputs: {keep: all}"),
    ("replicas: 3", "replicas: 9"),
    ("models:1", "models:2"),
    ("name: boarding-school", "name: other"),
    ("racing: {after: 3}", "racing: true"),
    ("sd: 0.2", "sd: 0.3"),
    ("a: 3", "a: 4"),
    (", prior: {kind: normal, mean: 0.5, sd: 0.2}", ""),
    ("beta:  {min: 0.5, max: 5.0, scale: log}", "beta: {scale: log, max: 5, min: 5e-1, type: float}"),
]

MINIMAL = """\
version: 1
name: minimal
model: {entrypoint: "model.py:simulate"}
parameters:
  beta: {min: 0.5, max: 5.0}
targets:
  in_bed:
    observed: data.csv
    match: {exact: day}
    value: in_bed
"""
RELATIVE = MINIMAL.replace("    value: in_bed\n", "    value: in_bed\n    loss: {kind: relative, floor: 1.0}\n")


def parts(folder: Path, spec: str, data: str = DATA) -> dict[str, str]:
    return identity_parts(load(folder, spec, data), code={"model.py": "c0de"})


@pytest.mark.parametrize(("given", "instead", "part"), CHANGES)
def test_a_change_that_results_follow_from_is_another_run_and_named(
    tmp_path: Path, given: str, instead: str, part: str
) -> None:
    assert FULL.count(given) == 1
    before, after = parts(tmp_path, FULL), parts(tmp_path, FULL.replace(given, instead))
    assert [name for name in before | after if before.get(name) != after.get(name)] == [part]
    assert identity_of(before) != identity_of(after)


@pytest.mark.parametrize(("given", "instead"), FREE)
def test_what_may_change_freely_leaves_the_run_the_same(tmp_path: Path, given: str, instead: str) -> None:
    assert FULL.count(given) == 1
    assert identity_of(parts(tmp_path, FULL)) == identity_of(parts(tmp_path, FULL.replace(given, instead)))


@pytest.mark.parametrize(
    ("given", "instead"), [("sd: 0.2", "sd: 0.3"), ("{kind: normal, mean: 0.5, sd: 0.2}", "uniform")]
)
def test_a_prior_is_a_part_of_its_own_where_the_search_uses_it(tmp_path: Path, given: str, instead: str) -> None:
    before, after = load(tmp_path, FULL), load(tmp_path, FULL.replace(given, instead))
    found = [identity_parts(loaded, code={}, uses_priors=True) for loaded in (before, after)]
    assert {name for name in found[0] if found[0][name] != found[1].get(name)} == {"priors.gamma"}
    kept = kept_parts(spec_json(before.spec), found[0])
    assert kept == written_parts(before, code={}, uses_priors=True)
    (difference,) = differences(kept, written_parts(after, code={}, uses_priors=True))
    assert str(difference).startswith("priors.gamma: ")


def test_a_uniform_prior_that_is_written_changes_nothing(tmp_path: Path) -> None:
    for written in ("uniform", "{kind: uniform}"):
        spec = MINIMAL.replace("max: 5.0}", f"max: 5.0, prior: {written}}}")
        assert parts(tmp_path, spec) == parts(tmp_path, MINIMAL)
        loaded = load(tmp_path, spec)
        assert identity_parts(loaded, code={"model.py": "c0de"}, uses_priors=True) == parts(tmp_path, MINIMAL)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of nested mappings, the inner ones too."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        yield (*at, key)
        yield from _paths(item, (*at, key))


def _without(given: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    copied = copy.deepcopy(given)
    holder = copied
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return copied


def _at_default(spec: AdaptiveSpec) -> list[tuple[Any, ...]]:
    """The keys of a spec, written out, that say nothing: without one, it is the same spec."""

    def is_same(given: dict[str, Any]) -> bool:
        try:
            return AdaptiveSpec.model_validate(given) == spec
        except ValidationError:
            return False

    written = spec_json(spec)
    return [path for path in _paths(written) if is_same(_without(written, path))]


DEFAULTS = {
    ("model", "seed_bits"), ("model", "threads"), ("model", "env"), ("model", "config"),
    ("parameters", "beta", "scale"), ("parameters", "beta", "type"),
    ("targets", "in_bed", "loss"), ("targets", "in_bed", "weight"), ("targets", "in_bed", "min_coverage"),
    ("search", "algorithm"), ("search", "options"), ("search", "guesses"), ("search", "replicates"), ("search", "seed"),
    ("search", "common_random_numbers"), ("search", "racing"), ("search", "racing", "after"), ("search", "on_failure"),
    ("search", "lag"),
}  # fmt: skip
"""Some of the keys that a run follows from, at their defaults in MINIMAL."""


@pytest.mark.parametrize("text", [MINIMAL, FULL, RELATIVE], ids=["minimal", "full", "relative"])
def test_what_is_at_its_default_is_no_part_of_it_at_any_level(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, text)
    said = {name: _json(part) for name, part in identity_parts(loaded, code={}).items()}
    defaults = _at_default(loaded.spec)
    assert text is not MINIMAL or set(defaults) >= DEFAULTS
    for section, *path in defaults:
        if section in ("model", "search") and len(path) == 1:
            assert f"{section}.{path[0]}" not in said
        if section in ("parameters", "targets") and len(path) > 1:
            held = said[f"{section}.{path[0]}"]
            for step in path[1:-1]:
                held = held.get(step, {})
            assert path[-1] not in held, path


@pytest.mark.parametrize("text", [MINIMAL, FULL, RELATIVE], ids=["minimal", "full", "relative"])
def test_a_run_of_a_version_that_did_not_know_a_key_is_the_same_run(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, text)
    written, now = spec_json(loaded.spec), written_parts(loaded, code={"model.py": "c0de"})
    for path in _at_default(loaded.spec):
        older = _without(written, path)
        assert differences(kept_parts(older, now), now) == [], path
        known = {name: part for name, part in now.items() if name != ".".join(path)}
        assert differences(kept_parts(older, known), now) == [], path


def test_a_run_that_was_kept_with_defaults_left_out_is_the_same_run(tmp_path: Path) -> None:
    loaded = load(tmp_path, FULL)
    kept = kept_parts(spec_json(loaded.spec), identity_parts(loaded, code={"model.py": "c0de"}))
    assert differences(kept, written_parts(loaded, code={"model.py": "c0de"})) == []


VARIANTS = {
    "managed": "workers: {replicas: 2}\ncentral_store: {mode: managed, existing_secret: ledger}\n",
    "external": "central_store: {mode: external, existing_secret: ledger}\n",
    "in-cluster": "workers: {tolerations: [{key: gpu}]}\ncentral_store: {persistence: {size: 1Gi}}\n",
    "kept": "outputs: {keep: all}\nworkspace_ref: lab\n",
    "grid": "search: {algorithm: grid, options: {points: 3}, racing: false, confirm: {top: 0}, stop: {time: 1h}}\n",
}
KINDS = {
    "int": "{min: 0, max: 9, type: int}",
    "choices": "{choices: [a, b]}",
    "logit": "{min: 0.1, max: 0.9, scale: logit}",
    "class": "{}",
}
MATCHES = {
    "asof": "{asof: day, tolerance: 0.5}",
    "interpolate": "{interpolate: day}",
    "sum": "{sum: day}",
}


@pytest.mark.parametrize(
    "text",
    [
        *(MINIMAL + more for more in VARIANTS.values()),
        *(MINIMAL.replace("{min: 0.5, max: 5.0}", kind) for kind in KINDS.values()),
        *(MINIMAL.replace("{exact: day}", match) for match in MATCHES.values()),
    ],
    ids=[*VARIANTS, *KINDS, *MATCHES],
)
def test_a_kept_run_is_the_same_run_whatever_its_spec_says(tmp_path: Path, text: str) -> None:
    """What was written out is read again, though a user must not write some of it: a disk for a managed store."""
    loaded = load(tmp_path, text.replace("model.py:simulate", "model.Line/usual"))
    kept = kept_parts(spec_json(loaded.spec), identity_parts(loaded, code={}))
    assert kept == written_parts(loaded, code={})


def test_a_default_that_was_another_one_then_is_a_difference(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL)
    then = spec_json(loaded.spec)
    then["search"]["seed"] = 5  # written out when that was the default, and in no part
    found = differences(kept_parts(then, identity_parts(loaded, code={})), written_parts(loaded, code={}))
    assert list(map(str, found)) == ["search.seed: 5 before, 1 now"]


def test_a_key_of_a_later_version_counts_when_it_is_not_at_its_default(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL)
    later, now = spec_json(loaded.spec), written_parts(loaded, code={})
    later["search"]["particles"] = 100
    later["targets"]["in_bed"]["floor"] = 2
    parts = identity_parts(loaded, code={})
    assert differences(kept_parts(later, parts), now) == []
    found = differences(kept_parts(later, {**parts, "search.particles": "100"}), now)
    assert list(map(str, found)) == ["search.particles: 100 before, absent now"]


def _json(part: str) -> Any:
    try:
        return json.loads(part)
    except ValueError:
        return part


def test_code_and_data_are_part_of_it(tmp_path: Path) -> None:
    loaded = load(tmp_path, FULL)
    assert identity_parts(loaded, code={"m.py": "a"}) != identity_parts(loaded, code={"m.py": "b"})
    changed = parts(tmp_path, FULL, DATA.replace("76", "77"))
    assert changed["targets.in_bed.observed"] != parts(tmp_path, FULL)["targets.in_bed.observed"]


def test_data_saved_in_another_way_is_the_same_data(tmp_path: Path) -> None:
    same = parts(tmp_path, FULL, DATA.replace("\n", "\r\n").replace("N", '"N"'))
    assert same == parts(tmp_path, FULL)
    table = load(tmp_path, FULL).observed["in_bed"]
    parquet.write_table(table, tmp_path / "same.parquet")
    assert table_digest(parquet.read_table(tmp_path / "same.parquet")) == table_digest(table)


def test_a_digest_of_data_depends_on_names_types_values_and_not_on_chunks() -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    others = [
        pa.table({"a": [1.0, 2.0], "b": ["x", "y"]}),
        pa.table({"a": [1, 3], "b": ["x", "y"]}),
        pa.table({"c": [1, 2], "b": ["x", "y"]}),
        pa.table({"a": [1, None], "b": ["x", "y"]}),
        pa.table({"a": [1, 2], "b": ["x\ny", ""]}),
    ]
    assert len({table_digest(each) for each in [table, *others]}) == 6
    assert table_digest(pa.concat_tables([table.slice(0, 1), table.slice(1)])) == table_digest(table)
