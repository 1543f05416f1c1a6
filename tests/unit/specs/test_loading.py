"""What a sound spec is read as."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from modelops_runtime.specs.adaptive import AdaptiveSpec, ChoicesSpec, RangeSpec
from modelops_runtime.specs.identity import spec_json
from modelops_runtime.specs.loading import load_spec
from tests.unit.specs.files import DATA, FULL, SPEC, load, write

MINIMAL = """\
version: 1
name: m
model: {entrypoint: "model.py:f"}
parameters: {a: {min: 0, max: 1}}
targets: {t: {observed: data.csv, match: {exact: day}, value: in_bed}}
"""


def test_defaults_are_the_designs(tmp_path: Path) -> None:
    spec = load(tmp_path, MINIMAL).spec
    search = spec.search
    assert (spec.model.timeout_s, spec.model.memory_bytes, spec.model.seed_bits, spec.model.threads) == (
        600,
        2**31,
        64,
        1,
    )
    assert (search.algorithm, search.trials, search.replicates, search.seed, search.lag) == ("optuna", 300, 10, 1, 0)
    assert not search.common_random_numbers
    assert search.racing_after == 3
    assert (search.confirm.top, search.confirm_replicates) == (None, 100)
    assert (search.max_failed, search.on_failure) == (0.5, "worst")
    assert (search.stop.time_s, search.stop.plateau, search.stop.loss) == (None, None, None)
    assert spec.outputs.keep == "none"
    target = spec.targets["t"]
    assert (target.loss.kind, target.weight, target.min_coverage, target.output) == ("mean_signal", 1, 1, None)


def test_every_key_reaches_its_attribute(tmp_path: Path) -> None:
    spec = load(tmp_path, FULL).spec
    assert spec.model.timeout_s == 30
    assert spec.model.env == {"MY_FLAG": "1"}
    assert spec.parameters["beta"] == RangeSpec(min=0.5, max=5.0, scale="log")
    assert spec.parameters["shape"] == ChoicesSpec(choices=("gamma", "lognormal"))
    assert spec.parameters["population"] == 763
    assert type(spec.parameters["population"]) is int
    target = spec.targets["in_bed"]
    assert (target.match.kind, target.match.on, target.match.by) == ("exact", "day", ())
    assert (target.observed_column, target.simulated_column, target.loss.kind) == (
        "in_bed",
        "in_bed",
        "negative_binomial",
    )
    assert (spec.search.stop.time_s, spec.search.stop.plateau, spec.search.stop.loss) == (7200, 100, 10)
    assert spec.search.guesses[0] == {"beta": 1.7, "gamma": 0.45, "delay": 2, "shape": "gamma"}
    assert spec.workers.resources.limits == {"cpu": "2"}


@pytest.mark.parametrize(
    ("text", "after"), [("true", 3), ("false", None), ("{after: 5}", 5), ("{}", 3), ("{after: 99}", 99)]
)
def test_racing_is_on_off_or_after_a_number(tmp_path: Path, text: str, after: int | None) -> None:
    assert load(tmp_path, SPEC.replace("trials: 300", f"racing: {text}")).spec.search.racing_after == after


@pytest.mark.parametrize("text", ["{exact: day, by: [region]}", "{exact: day}\n    by: [region]"])
def test_by_may_stand_in_the_match_or_beside_it(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, SPEC.replace("{exact: day}", text))
    assert loaded.spec.targets["in_bed"].match.by == ("region",)
    assert spec_json(loaded.spec)["targets"]["in_bed"]["match"] == {"exact": "day", "by": ["region"]}


def test_matches_carry_their_options(tmp_path: Path) -> None:
    asof = load(tmp_path, SPEC.replace("{exact: day}", "{asof: day, tolerance: 0.5}")).spec.targets["in_bed"].match
    total = load(tmp_path, SPEC.replace("{exact: day}", "{sum: day, period: 7}")).spec.targets["in_bed"].match
    assert (asof.kind, asof.on, asof.tolerance, asof.period) == ("asof", "day", 0.5, None)
    assert (total.kind, total.on, total.tolerance, total.period) == ("sum", "day", None, 7)


@pytest.mark.parametrize("spec", [SPEC, FULL, MINIMAL], ids=["short", "full", "minimal"])
def test_a_spec_written_out_is_the_same_spec(tmp_path: Path, spec: str) -> None:
    loaded = load(tmp_path, spec).spec
    assert AdaptiveSpec.model_validate(spec_json(loaded)) == loaded


def test_null_values_of_config_are_kept(tmp_path: Path) -> None:
    loaded = load(tmp_path, SPEC.replace("  timeout: 30s", "  config: {a: null, b: [1, {c: 2}]}"))
    assert spec_json(loaded.spec)["model"]["config"] == {"a": None, "b": [1, {"c": 2}]}


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("1E3", 1000.0), ("0x10", 16), ("1_000", 1000), ("+.5", 0.5)]
)
def test_numbers_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: float) -> None:
    assert load(tmp_path, SPEC.replace("population: 763", f"population: {text}")).spec.parameters["population"] == value


def test_words_that_were_booleans_once_are_text(tmp_path: Path) -> None:
    spec = load(tmp_path, SPEC.replace("[gamma, lognormal]", "[yes, no, on, off, gamma]")).spec
    assert spec.parameters["shape"] == ChoicesSpec(choices=("yes", "no", "on", "off", "gamma"))


def test_anchors_and_merges_are_followed(tmp_path: Path) -> None:
    spec = SPEC.replace("  beta: {", "  alpha: &range {min: 0.2, max: 0.3}\n  omega: {<<: *range, max: 0.9}\n  beta: {")
    parameters = load(tmp_path, spec).spec.parameters
    assert parameters["omega"] == RangeSpec(min=0.2, max=0.9)


def test_a_byte_order_mark_and_windows_lines_are_no_mistake(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + DATA.replace("\n", "\r\n").encode()
    loaded = load_spec(write(tmp_path, b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode(), data))
    assert loaded.observed["in_bed"].column_names == ["day", "in_bed", "region"]


def test_missing_values_dates_and_quotes_of_a_csv_are_read(tmp_path: Path) -> None:
    data = '"day", in_bed ,note\n2024-01-01,"3","a, b"\n2024-01-02,,\n2024-01-03,NA,NA\n2024-01-04,NaN,x\n2024-01-05,4.5,x\n'
    table = load(tmp_path, SPEC, data).observed["in_bed"]
    assert table.schema.field("day").type == pa.date32()
    assert table.column("day").to_pylist()[0] == date(2024, 1, 1)
    assert table.column("in_bed").to_pylist() == [3.0, None, None, None, 4.5]
    assert table.column("note").to_pylist() == ["a, b", "", "NA", "x", "x"]


def test_missing_observations_may_share_a_key(tmp_path: Path) -> None:
    assert load(tmp_path, SPEC, "day,in_bed\n1,\n1,3\n2,4\n").observed["in_bed"].num_rows == 3


def test_parquet_is_read_with_categories_as_their_values(tmp_path: Path) -> None:
    region = pa.array(["N", "S"]).dictionary_encode()
    parquet.write_table(pa.table({"day": [1, 1], "in_bed": [3.0, 4.0], "region": region}), tmp_path / "data.parquet")
    spec = SPEC.replace("data.csv", "data.parquet").replace("{exact: day}", "{exact: day, by: [region]}")
    table = load(tmp_path, spec).observed["in_bed"]
    assert table.schema.field("region").type == pa.string()


def test_a_broken_parquet_file_is_one_line(tmp_path: Path) -> None:
    from tests.unit.specs.files import lines_of

    (tmp_path / "data.parquet").write_bytes(b"PAR1 and nothing more")
    (line,) = lines_of(tmp_path, SPEC.replace("data.csv", "data.parquet"))
    assert line.startswith("adaptive.yaml:14:15: data.parquet cannot be read: ")


def test_a_class_may_have_bounds_that_the_spec_leaves_out(tmp_path: Path) -> None:
    spec = SPEC.replace("model.py:simulate", "pkg.mod.Sir/base").replace(
        "{min: 0.5, max: 5.0, scale: log}", "{scale: log}"
    )
    loaded = load(tmp_path, spec.replace("{beta: 1.7,", "{theirs: 1.7,")).spec
    assert loaded.parameters["beta"] == RangeSpec(scale="log")
