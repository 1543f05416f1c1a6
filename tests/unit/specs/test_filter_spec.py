"""`search.likelihood`: what it means for the rest of a spec, and for the identity of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.identity import identity_of, identity_parts, kept_parts, spec_json, written_parts
from tests.unit.specs.files import SPEC, lines_of, load

FILTER = SPEC.replace("  trials: 300\n", "  trials: 300\n  likelihood: {kind: particle_filter, particles: 50}\n")


def test_filters_are_not_raced_and_a_spec_that_was_written_out_is_read_back(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILTER)
    assert loaded.spec.search.racing_after is None
    assert load(tmp_path, SPEC).spec.search.racing_after == 3
    assert AdaptiveSpec.model_validate(spec_json(loaded.spec)) == loaded.spec
    assert load(tmp_path, FILTER.replace("  seed: 1\n", "  seed: 1\n  racing: false\n")).spec == loaded.spec


@pytest.mark.parametrize(("racing", "place"), [("true", "22:11"), ("{after: 3}", "22:3"), ("{after: 5}", "22:3")])
def test_a_race_of_filters_is_refused(tmp_path: Path, racing: str, place: str) -> None:
    (line,) = lines_of(tmp_path, FILTER.replace("  seed: 1\n", f"  seed: 1\n  racing: {racing}\n"))
    assert line == (
        f"adaptive.yaml:{place}: a particle filter's runs cannot be raced: few of them say little of a likelihood; "
        "leave it out, or write false"
    )


def test_the_filter_and_its_particles_are_part_of_the_identity(tmp_path: Path) -> None:
    plain, filtered, larger = (
        identity_parts(load(tmp_path, spec), code={}) for spec in (SPEC, FILTER, FILTER.replace("50}", "60}"))
    )
    assert set(filtered) - set(plain) == {"search.likelihood", "search.racing"}
    assert {name for name in filtered if filtered[name] != larger[name]} == {"search.likelihood"}
    assert len({identity_of(parts) for parts in (plain, filtered, larger)}) == 3


def test_a_stored_filtered_run_is_compared_as_it_was_written(tmp_path: Path) -> None:
    loaded = load(tmp_path, FILTER)
    kept = kept_parts(spec_json(loaded.spec), identity_parts(loaded, code={}))
    assert kept == written_parts(loaded, code={})
