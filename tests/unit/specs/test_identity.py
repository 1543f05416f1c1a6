"""Two runs are the same when nothing that a result follows from differs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from modelops_runtime.specs.identity import identity_of, identity_parts, table_digest
from tests.unit.specs.files import DATA, FULL, load

CHANGES = [
    ("model.py:simulate", "model.py:other", "model.entrypoint"),
    ("config: {dt: 0.25}", "config: {dt: 0.5}", "model.config"),
    ("seed_bits: 64", "seed_bits: 32", "model.seed_bits"),
    ('{MY_FLAG: "1"}', '{MY_FLAG: "2"}', "model.env"),
    ("min: 0.5,", "min: 0.4,", "parameters.beta"),
    ("population: 763", "population: 764", "parameters.population"),
    ("dispersion: 10", "dispersion: 11", "targets.in_bed"),
    ("weight: 1.0", "weight: 2.0", "targets.in_bed"),
    ("sampler: tpe", "sampler: random", "search.options"),
    ("beta: 1.7", "beta: 1.8", "search.guesses"),
    ("replicates: 10\n", "replicates: 11\n", "search.replicates"),
    ("  seed: 1\n", "  seed: 2\n", "search.seed"),
    ("racing: {after: 3}", "racing: false", "search.racing"),
    ("common_random_numbers: true", "common_random_numbers: false", "search.common_random_numbers"),
    ("lag: 0", "lag: 2", "search.lag"),
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
    ("beta:  {min: 0.5, max: 5.0, scale: log}", "beta: {scale: log, max: 5, min: 5e-1, type: float}"),
]


def parts(folder: Path, spec: str, data: str = DATA) -> dict[str, str]:
    return identity_parts(load(folder, spec, data), code={"model.py": "c0de"})


@pytest.mark.parametrize(("given", "instead", "part"), CHANGES)
def test_a_change_that_results_follow_from_is_another_run_and_named(
    tmp_path: Path, given: str, instead: str, part: str
) -> None:
    assert FULL.count(given) == 1
    before, after = parts(tmp_path, FULL), parts(tmp_path, FULL.replace(given, instead))
    assert [name for name in before if before[name] != after[name]] == [part]
    assert identity_of(before) != identity_of(after)


@pytest.mark.parametrize(("given", "instead"), FREE)
def test_what_may_change_freely_leaves_the_run_the_same(tmp_path: Path, given: str, instead: str) -> None:
    assert FULL.count(given) == 1
    assert identity_of(parts(tmp_path, FULL)) == identity_of(parts(tmp_path, FULL.replace(given, instead)))


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
