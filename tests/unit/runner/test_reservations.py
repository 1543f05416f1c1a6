"""Which trials a worker takes on, on a real ledger."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.runner.loop_parts import LoopParts
from modelops_runtime.runner.reservations import Reservations
from tests.unit.ledger.builders import RUN, a_run, an_end, proposed


def test_the_last_of_the_budget_is_taken_up_again_after_it_was_given_back(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    ledger.create_run(a_run(trials=3))
    first, second = proposed(ledger), proposed(ledger, beta=1.7)
    parts = SimpleNamespace(
        run_id=RUN, worker="w1", ledger=ledger, settings=SimpleNamespace(guesses=()), clock=lambda: 0.0, on_event=print
    )
    reservations = Reservations(cast(LoopParts, parts))
    reservations.reserve_at_end(first, an_end(), ())
    reservations.reserve_at_end(second, an_end(), ())
    assert [lease.number for lease in reservations.ahead] == [2]
    assert not reservations.may_ask
    reservations.give_back()
    assert reservations.may_ask
    lease = reservations.next()
    assert lease is not None
    assert lease.number == 2
    ledger.close()
