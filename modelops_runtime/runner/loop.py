"""The run loop: keep every slot busy, write down what comes in, tell the algorithm, go on."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import lru_cache, partial

from modelops_runtime.contracts.errors import AlgorithmError, LeaseLost, RunFailed
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.contracts.trial import CONFIRM_FROM
from modelops_runtime.ledger.base import Lease, RunState, Trial, TrialEnd
from modelops_runtime.runner import rules
from modelops_runtime.runner.events import (
    Asked,
    Counts,
    Notice,
    RunStarted,
    Simulated,
    Tick,
    TookOver,
    TrialFinished,
)
from modelops_runtime.runner.loop_parts import LoopEnd, LoopParts, counts_of, given_set, values_of_trial
from modelops_runtime.runner.pausing import Pausing
from modelops_runtime.runner.setup.settings import LEASE_S
from modelops_runtime.runner.trial import Progress, copied
from modelops_runtime.runner.trial_outcome import Judgement, conclude
from modelops_runtime.simulation.grouping import group_size
from modelops_runtime.simulation.seeds import seeds_for

TICK_S = 0.5
"""Seconds between ticks, and the longest wait before looking at a stop request."""

TAKE_OVER_EVERY_S = 5.0
"""Seconds between looks for trials whose worker died, while there is other work."""


class Loop:
    """One worker's part in a run. `run()` once."""

    def __init__(self, parts: LoopParts) -> None:
        self.p = parts
        self._under_way: dict[tuple[str, int], Progress] = {}
        self._tasks: dict[Future[Sequence[ReplicateOutcome]], Progress] = {}
        self._done: queue.SimpleQueue[Future[Sequence[ReplicateOutcome]]] = queue.SimpleQueue()
        self._held: Lease | None = None
        """A reservation for which the algorithm had nothing yet."""
        self._pace = rules.Pace()
        self._pausing = Pausing()
        self._started = parts.clock()
        self._last_tick = self._started
        self._look_for_dead_at = self._started
        self._found = 0
        self._asking_ended = False
        self._budget_used = False
        self._finalists: list[int] | None = None
        self._confirmed: dict[int, Trial] = {}
        self._values = lru_cache(maxsize=16)(partial(values_of_trial, parts))
        settings = parts.settings
        self._judgement = Judgement(
            scorer=parts.scorer,
            replicates=settings.replicates,
            paired=settings.common_random_numbers,
            incumbent_values=self._values,
        )

    def run(self) -> LoopEnd:
        """Work until the run is over or a stop is asked for. Raises RunFailed when it ends without an answer."""
        self._sync(aloud=False)
        status = self.p.search.status
        self._found = status.finished
        self.p.on_event(RunStarted(self.p.run_id, self.p.trials, status.finished, self.p.service.slots))
        self._look_whether_paused()
        while not self._is_over():
            if self.p.stop.now or (self.p.stop.asked and not self._tasks):
                return self._interrupted()
            self._fill()
            self._tick()
            self._wait()
            self._sync()
        return LoopEnd(False, self._pace.simulations, self._elapsed())

    def _is_over(self) -> bool:
        """Judge where the search stands; True once everything that belongs to the run is final."""
        search, settings = self.p.search, self.p.settings
        if why := rules.too_many_failed(search.status, settings.max_failed):
            self._fail(why)
        may_ask = not self._asking_ended and not self._budget_used
        if may_ask and (why := rules.reason_to_stop(search.status, settings.stop, self.p.before_s + self._elapsed())):
            self.p.ledger.end_asking(self.p.run_id, why)
            self._asking_ended, may_ask = True, False
        if may_ask or self._under_way or self._held or search.unfinished:
            return False
        return self._confirmation_is_over()

    def _confirmation_is_over(self) -> bool:
        settings = self.p.settings
        if self._finalists is None:
            trials = self.p.ledger.trials(self.p.run_id, phase="search")
            if any(not trial.status.is_final for trial in trials):
                return False
            self.p.search.tell_the_rest()
            self._finalists = rules.finalists(trials, settings.confirm_top)
            self.p.ledger.confirm(self.p.run_id, self._finalists)
        return all(number in self._confirmed for number in self._finalists)

    def _interrupted(self) -> LoopEnd:
        for future in list(self._tasks):
            future.cancel()
        self.p.ledger.release(self.p.run_id, self.p.worker)
        return LoopEnd(True, self._pace.simulations, self._elapsed())

    def _fail(self, why: str) -> None:
        for future in list(self._tasks):
            future.cancel()
        self.p.ledger.end_asking(self.p.run_id, why)
        self.p.ledger.release(self.p.run_id, self.p.worker)
        self.p.ledger.end_run(self.p.run_id, RunState.FAILED, why, {})
        raise RunFailed(why)

    # learning

    def _sync(self, *, aloud: bool = True) -> None:
        """Read what is new in the ledger, by us or by others, and tell the algorithm."""
        for trial in self.p.search.learn(self.p.ledger.changes(self.p.run_id, self.p.search.seq)):
            if trial.phase == "confirm":
                self._confirmed[trial.number] = trial
            if aloud:
                self.p.on_event(TrialFinished(trial, self.counts()))

    # asking

    def _fill(self) -> None:
        """Submit groups of replicates, of trials under way first, until enough tasks are under way."""
        wanted = rules.tasks_wanted(self.p.service.slots, self._pace.median_seconds)
        while len(self._tasks) < wanted and not self.p.stop.asked:
            if self._submit_one():
                continue
            if self.p.service.slots == 1 and self._under_way:
                break  # one slot: a proposal knows all that was asked before it, so that the search is repeatable
            if self._pausing.is_paused or not self._take_on_one():
                break

    def _submit_one(self) -> bool:
        size = group_size(self._pace.median_seconds, timeout_s=self.p.timeout_s)
        for progress in self._under_way.values():
            if indices := progress.next_group(size):
                self._submit(progress, indices)
                return True
        return False

    def _submit(self, progress: Progress, indices: list[int]) -> None:
        settings = self.p.settings
        seeds = seeds_for(
            progress.parameter_set, indices, common=settings.common_random_numbers, run_seed=settings.seed
        )
        progress.under_way.update(indices)
        future = self.p.service.submit_replicates(progress.parameter_set, seeds)
        self._tasks[future] = progress
        future.add_done_callback(self._done.put)

    def _take_on_one(self) -> bool:
        """Lease one more trial: one left by a dead worker, one of the budget, or one to confirm."""
        now = self.p.clock()
        lease = None
        if now >= self._look_for_dead_at:
            lease = self._take_over()
            if lease is None:
                self._look_for_dead_at = now + TAKE_OVER_EVERY_S
        if lease is None:
            lease = self._held or self._reserve() or self._take_over()
            self._held = None
        if lease is None:
            return False
        try:
            proposed = lease if lease.params is not None else self._propose(lease)
        except LeaseLost:  # this machine slept for longer than a lease, say
            return True
        if proposed is None:
            return False
        self._begin(proposed)
        return True

    def _take_over(self) -> Lease | None:
        lease = self.p.ledger.take_over(self.p.run_id, self.p.worker, lease_s=LEASE_S)
        if lease is not None and lease.lease_no > 1:
            self.p.on_event(TookOver(lease.phase, lease.number, lease.lease_no))
        return lease

    def _reserve(self) -> Lease | None:
        if self._asking_ended or self._budget_used:
            return None
        guesses = len(self.p.settings.guesses)
        lease = self.p.ledger.reserve(self.p.run_id, self.p.worker, guesses=guesses, lease_s=LEASE_S)
        self._budget_used = lease is None
        return lease

    def _propose(self, lease: Lease) -> Lease | None:
        """Ask for the parameters of a reserved trial and write them down; None when there are none (yet)."""
        search, settings = self.p.search, self.p.settings
        self._sync()
        if lease.draw is None:
            searched: Mapping[str, Scalar] | None = given_set(self.p, lease)
        elif not search.may_ask(lease.number):
            self._held = lease
            return None
        else:
            began = self.p.clock()
            searched = search.ask(lease.number, lease.draw)
            self.p.on_event(Asked(lease.number, self.p.clock() - began))
        if searched is None:
            return self._nothing_proposed(lease)
        best = search.status.best
        lease = self.p.ledger.propose(
            lease,
            {**settings.fixed, **searched},
            origin="guess" if lease.draw is None else "ask",
            known=search.seq,
            incumbent=best.number if best else None,
            algorithm_state=search.state_of(lease.number),
        )
        self._sync()
        return lease

    def _nothing_proposed(self, lease: Lease) -> None:
        if self.p.search.algorithm.finished():
            self.p.ledger.withdraw(lease)
            self.p.ledger.end_asking(self.p.run_id, "the algorithm has no further parameter sets")
            self._asking_ended = True
        elif not self.p.search.unfinished:
            raise AlgorithmError("the algorithm proposed nothing, has nothing pending and is not finished")
        else:
            self._held = lease

    def _begin(self, lease: Lease) -> None:
        """Start on a leased trial, with what was already recorded for it or for an equal set."""
        assert lease.params is not None
        settings = self.p.settings
        parameter_set = UniqueParameterSet.of(lease.params)
        if lease.phase == "confirm":
            progress = Progress(lease, parameter_set, (settings.confirm_replicates,), first=CONFIRM_FROM)
        else:
            progress = Progress(lease, parameter_set, settings.rungs(raced=lease.incumbent is not None))
            self._copy_equal(progress)
        if lease.lease_no > 1:
            progress.resume(self.p.ledger.replicates(self.p.run_id, lease.number))
        self._under_way[lease.phase, lease.number] = progress
        self._decide(progress)

    def _copy_equal(self, progress: Progress) -> None:
        """A set asked twice is its own trial with the values of the first: it needs no simulation."""
        lease = progress.lease
        twin = self.p.search.first_with.get(progress.parameter_set.param_id)
        if twin is None or twin == lease.number:
            return
        wanted = range(progress.first, progress.first + progress.rungs[-1])
        rows = copied(lease.number, self.p.ledger.replicates(self.p.run_id, twin), wanted)
        progress.unwritten.extend(rows)
        progress.resume(rows)

    # results

    def _wait(self) -> None:
        """Wait for a result, for other workers, or for a moment; then take in all that is there."""
        if self._tasks:
            try:
                self._collect(self._done.get(timeout=TICK_S))
                while True:
                    self._collect(self._done.get_nowait())
            except queue.Empty:
                pass
        elif self._under_way or self._held or self._pausing.is_paused or self._waits_for_others():
            self.p.ledger.wait(self.p.run_id, self.p.search.seq, TICK_S)

    def _tick(self) -> None:
        """Now and then, with the slots filled: say where it stands."""
        now = self.p.clock()
        if now - self._last_tick >= TICK_S:
            self._last_tick = now
            self.p.look()
            self._look_whether_paused()
            self.p.on_event(Tick(self.counts()))

    def _look_whether_paused(self) -> None:
        paused = self.p.ledger.is_paused(self.p.run_id)
        if said := self._pausing.read(paused, run_id=self.p.run_id, now=self.p.clock()):
            self.p.on_event(Notice(said))

    def _waits_for_others(self) -> bool:
        return bool(self.p.search.unfinished) or self._asking_ended or self._budget_used

    def _collect(self, future: Future[Sequence[ReplicateOutcome]]) -> None:
        progress = self._tasks.pop(future)
        if future.cancelled() or self._under_way.get((progress.lease.phase, progress.lease.number)) is not progress:
            return
        outcomes = future.result()
        self.p.look()
        self.p.on_event(Simulated(progress.lease.phase, progress.lease.number, outcomes))
        self._pace.add([outcome.seconds for outcome in outcomes if outcome.failure is None])
        self.p.keep_log(progress.lease, outcomes)
        progress.take_in(outcomes)
        self._decide(progress)

    def _decide(self, progress: Progress) -> None:
        """Finish the trial, let it climb to its next rung, or just write down what came in."""
        try:
            while progress.failure is not None or progress.rung_done:
                end = conclude(progress, self._judgement)
                if end is not None:
                    self._finish(progress, end)
                    return
                progress.climb()
            if progress.unwritten:
                self.p.ledger.record(progress.lease, progress.unwritten)
                progress.unwritten = []
        except LeaseLost:
            self._drop(progress)

    def _finish(self, progress: Progress, end: TrialEnd) -> None:
        self.p.ledger.finish(progress.lease, end, progress.unwritten)
        self._drop(progress)

    def _drop(self, progress: Progress) -> None:
        """Nothing more is wanted of it: cancel what still runs."""
        del self._under_way[progress.lease.phase, progress.lease.number]
        for future, owner in list(self._tasks.items()):
            if owner is progress:
                future.cancel()

    def _elapsed(self) -> float:
        now = self.p.clock()
        return now - self._started - self._pausing.seconds(now)

    def counts(self) -> Counts:
        return counts_of(
            self.p,
            found=self._found,
            simulations=self._pace.simulations,
            elapsed_s=self._elapsed(),
            under_way=len(self._tasks),
            paused=self._pausing.is_paused,
            finalists=self._finalists,
            confirmed=len(self._confirmed),
        )
