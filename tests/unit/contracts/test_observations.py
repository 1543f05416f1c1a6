"""What a run keeps of its observations, as this version and older ones wrote it, and as its readers take it."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from modelops_runtime.contracts.observations import CensoringInterval, Observations
from modelops_runtime.ledger.rows import to_json
from tests.support.stored_ledgers import STORED, VERSIONS

PART: dict[str, Any] = {
    "keys": {"day": ["1978-01-22", "1978-01-23"], "ward": ["a", None]},
    "dates": ["day"],
    "observed": [3, 8.5],
    "weight": 1,
    "loss": "binomial",
    "family": "likelihood",
    "min_coverage": 0.5,
    "left_out": 2,
    "start": 4,
    "stop": 6,
    "n": [10.0, 20.0],
}


def stored_observations(version: int) -> list[str]:
    """The column of every run of a stored ledger, as it was written."""
    with closing(sqlite3.connect(":memory:")) as kept:
        kept.executescript((STORED / f"version_{version}.sql").read_text(encoding="utf-8"))
        return [text for (text,) in kept.execute("SELECT observations FROM run")]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_stored_run_is_read_and_written_to_the_byte(version: int) -> None:
    texts = stored_observations(version)
    assert texts
    for text in texts:
        read = Observations.from_json(json.loads(text))
        assert len(read) > 0
        assert to_json(read.as_json()) == text


def test_a_target_is_read_by_name() -> None:
    read = Observations.from_json({"sero": PART})
    assert (target := read.targets["sero"]) in list(read)
    assert (len(read), len(target), target.place) == (2, 2, slice(4, 6))
    assert (target.numbers, target.of_loss, target.is_censored) == ([3, 8.5], {"n": (10.0, 20.0)}, False)
    assert (target.has_dates("day"), target.has_dates("ward")) == (True, False)
    assert to_json(read.as_json()) == to_json({"sero": PART})


def test_what_an_older_version_did_not_write_is_not_known_and_what_a_later_one_adds_is_left_out() -> None:
    older = {name: value for name, value in PART.items() if name not in ("dates", "family", "min_coverage", "n")}
    target = Observations.from_json({"sero": older}).targets["sero"]
    assert (target.dates, target.family, target.min_coverage, target.of_loss) == (None, None, None, {})
    assert not target.has_dates("day")
    assert target.as_json() == older
    later = {**PART, "source": "survey.csv", "flags": ["a", "b"], "three": [1, 2, 3]}
    assert Observations.from_json({"sero": later}).as_json() == {"sero": PART}


def test_a_censored_observation_is_an_interval_and_no_number() -> None:
    observed = [{"lower": 0, "upper": 4}, {"lower": 5.0, "upper": None}]
    part = {**PART, "observed": observed}
    target = Observations.from_json({"t": part}).targets["t"]
    assert target.observed == (CensoringInterval(0, 4), CensoringInterval(5.0, math.inf))
    assert target.is_censored
    assert all(map(math.isnan, target.numbers))
    assert json.loads(json.dumps(target.as_json(), allow_nan=False)) == part


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (math.nan, 1.0), (math.inf, math.inf), (-math.inf, -math.inf)])
def test_there_is_no_interval_without_a_number_in_it(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="there is no interval from"):
        CensoringInterval(*bounds)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"observed": [1]}, "do not go together"),
        ({"observed": [1, None]}, "do not go together"),
        ({"observed": [1, {"lower": 0}]}, "KeyError: 'upper'"),
        ({"observed": [1, {"lower": "low", "upper": 2}]}, "TypeError"),
        ({"keys": {"day": "ab"}}, "no list"),
        ({"keys": {"day": [1, 2, 3]}, "dates": []}, "do not go together"),
        ({"keys": {"day": ["monday", "1978-01-23"]}}, "ValueError"),
        ({"keys": {"day": [22, 23]}}, "TypeError"),
        ({"loss": None}, "TypeError"),
        ({"weight": math.nan}, "do not go together"),
        ({"stop": "6"}, "TypeError"),
    ],
    ids=str,
)
def test_what_no_version_wrote_is_refused_with_the_targets_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"has a target 'sero' that cannot be read .*{said}"):
        Observations.from_json({"sero": {**PART, **wrong}})
    with pytest.raises(ValueError, match="has a target 'sero' that cannot be read"):
        Observations.from_json({"sero": [PART]})
