"""The run loop: keep every slot busy, store results in the ledger, and tell them to the algorithm."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress

from modelops_runtime.contracts.errors import AlgorithmError, LeaseLost, RunFailed
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.ledger.base import Lease, RunState, Trial, TrialEnd
from modelops_runtime.runner import rules
from modelops_runtime.runner.events import (
    Asked,
    Counts,
    Notice,
    RunStarted,
    Simulated,
    Tick,
    TrialFinished,
)
from modelops_runtime.runner.loop_context import LoopContext, LoopEnd
from modelops_runtime.runner.pausing import Pausing
from modelops_runtime.runner.proposal import given_set, proposal_of, propose
from modelops_runtime.runner.reservations import Reservations
from modelops_runtime.runner.run_counts import counts_of
from modelops_runtime.runner.trial import Progress, progress_of, seeds_of
from modelops_runtime.runner.trial_outcome import judgement_of, trial_outcome
from modelops_runtime.simulation.grouping import group_size

TICK_S = 0.5
"""Seconds between ticks, and the longest wait before looking at a stop request."""


class Loop:
    """One worker's part in a run. `run()` once."""

    def __init__(self, context: LoopContext) -> None:
        self.p = context
        self._under_way: dict[tuple[str, int], Progress] = {}
        self._tasks: dict[Future[Sequence[ReplicateOutcome]], Progress] = {}
        self._done: queue.SimpleQueue[Future[Sequence[ReplicateOutcome]]] = queue.SimpleQueue()
        self._reservations = Reservations(context, self._asked_ahead, self._written)
        self._learnt_at = context.clock()
        self._pace = rules.Pace()
        self._pausing = Pausing()
        self._started = context.clock()
        self._last_tick = self._started
        self._found = 0
        self._finalists: list[int] | None = None
        self._confirmed: dict[int, Trial] = {}
        self._judgement = judgement_of(context)

    def run(self) -> LoopEnd:
        """Work until the run is over or a stop is requested. Raises RunFailed if the run ends without an answer."""
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
        return LoopEnd(False, self._pace.simulations, self._elapsed())

    def _is_over(self) -> bool:
        """Apply the rules that end a run; True once all its trials and confirmations are final."""
        search, settings = self.p.search, self.p.settings
        if why := rules.too_many_failed(search.status, settings.max_failed, settings.all_must_run):
            self._fail(why)
        may_ask = self._reservations.may_ask
        if may_ask and (why := rules.reason_to_stop(search.status, settings.stop, self.p.before_s + self._elapsed())):
            self._reservations.end_asking(why)
            may_ask = False
        if may_ask or self._under_way or self._reservations.held or search.unfinished:
            return False
        return self._confirmation_is_over()

    def _confirmation_is_over(self) -> bool:
        settings = self.p.settings
        if self._finalists is None:
            trials = self.p.ledger.trials(self.p.run_id, phase="search")
            if any(not trial.status.is_final for trial in trials):
                return False
            self._sync()  # another worker may have proposed and finished between the last look and this one
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
        self._reservations.end_asking(why)
        self.p.ledger.release(self.p.run_id, self.p.worker)
        self.p.ledger.end_run(self.p.run_id, RunState.FAILED, why, {})
        raise RunFailed(why)

    # learning

    def _sync(self, *, aloud: bool = True) -> None:
        """Read the new rows of the ledger, of this worker and of others, and tell the algorithm."""
        self._learnt_at = self.p.clock()
        self._learn(self.p.ledger.changes(self.p.run_id, self.p.search.seq), aloud=aloud)

    def _written(self, trial: Trial) -> None:
        """Tell the algorithm of a trial that this worker has written, after all that others wrote before it."""
        if trial.seq == self.p.search.seq + 1:
            self._learn([trial])
        else:
            self._sync()

    def _learn(self, changes: Sequence[Trial], *, aloud: bool = True) -> None:
        for trial in self.p.search.learn(changes):
            if trial.phase == "confirm":
                self._confirmed[trial.number] = trial
            if aloud:
                self.p.on_event(TrialFinished(trial, self.counts()))

    # asking

    def _fill(self) -> None:
        """Submit groups of replicates, of trials under way first, until enough tasks are under way."""
        wanted = self._tasks_wanted()
        while len(self._tasks) < wanted and not self.p.stop.asked:
            if self._submit_one():
                continue
            if self.p.service.slots == 1 and self._under_way:
                break  # one slot: a proposal knows all that was asked before it, so that the search is repeatable
            if self._pausing.is_paused or not self._take_on_one():
                break

    def _tasks_wanted(self) -> int:
        return rules.tasks_wanted(self.p.service.slots, self._pace.median_seconds)

    def _submit_one(self) -> bool:
        return any(self._submit_group(progress) for progress in self._under_way.values())

    def _submit_group(self, progress: Progress) -> bool:
        size = group_size(self._pace.median_seconds, timeout_s=self.p.timeout_s)
        indices = progress.next_group(size)
        if indices:
            self._submit(progress, indices)
        return bool(indices)

    def _submit(self, progress: Progress, indices: list[int]) -> None:
        progress.under_way.update(indices)
        future = self.p.service.submit_replicates(progress.parameter_set, seeds_of(self.p, progress, indices))
        self._tasks[future] = progress
        future.add_done_callback(self._done.put)

    def _take_on_one(self) -> bool:
        lease = self._reservations.next()
        if lease is None:
            return False
        if lease.params is None:
            return self._propose(lease)
        self._decide(self._begun(lease))
        return True

    def _propose(self, lease: Lease) -> bool:
        """Ask for the parameters of a reserved trial and start on it; False when there are none (yet)."""
        if lease.draw is None:
            searched: Mapping[str, Scalar] | None = given_set(self.p, lease)
        elif not self._may_ask(lease):
            self._reservations.held = lease
            return False
        else:
            searched = self._ask(lease.number, lease.draw)
        if searched is None:
            self._nothing_proposed(lease)
            return False
        self._start(proposal_of(self.p, lease, searched))
        return True

    def _ask(self, number: int, draw: int) -> Mapping[str, Scalar] | None:
        began = self.p.clock()
        searched = self.p.search.ask(number, draw)
        self.p.on_event(Asked(number, self.p.clock() - began))
        return searched

    def _asked_ahead(self, lease: Lease) -> Lease | None:
        """A proposal for a trial that is not reserved yet; None where it must be reserved first."""
        search = self.p.search
        if lease.draw is None or not search.asks_by_number or not search.may_ask(lease.number):
            return None
        searched = self._ask(lease.number, lease.draw)
        return None if searched is None else proposal_of(self.p, lease, searched)

    def _may_ask(self, lease: Lease) -> bool:
        """Whether all results that the proposal depends on are known; the ledger is read again if they are not."""
        if not self.p.search.may_ask(lease.number):
            self._sync()
        return self.p.search.may_ask(lease.number)

    def _start(self, lease: Lease) -> None:
        """Write a proposal down while its first replicates are simulated already: none counts before it is written."""
        progress = self._begun(lease)
        while len(self._tasks) < self._tasks_wanted() and self._submit_group(progress):
            pass
        try:
            trial = propose(self.p.ledger, lease)
        except LeaseLost:  # this machine slept for longer than a lease, say
            self._drop(progress)
            return
        self._written(trial)
        self._decide(progress)

    def _nothing_proposed(self, lease: Lease) -> None:
        known = self.p.search.seq
        self._sync()
        if self.p.search.seq > known:  # others wrote meanwhile: it is asked again
            self._reservations.held = lease
        elif self.p.search.algorithm.finished():
            with suppress(LeaseLost):  # who took it over finds the same
                self.p.ledger.withdraw(lease)
            self._reservations.end_asking("the algorithm has no further parameter sets")
        elif not self.p.search.unfinished:
            raise AlgorithmError("the algorithm proposed nothing, has nothing pending and is not finished")
        else:
            self._reservations.held = lease

    def _begun(self, lease: Lease) -> Progress:
        progress = progress_of(self.p, lease)
        self._under_way[lease.phase, lease.number] = progress
        return progress

    # results

    def _wait(self) -> None:
        """Wait up to TICK_S seconds for a result or for other workers; then take in what has arrived."""
        if self._tasks:
            self._collect_all()
            if self._reservations.held is not None or self.p.clock() - self._learnt_at >= TICK_S:
                self._sync()
        elif self._under_way or self._reservations.held or self._pausing.is_paused or self._waits_for_others():
            self.p.ledger.wait(self.p.run_id, self.p.search.seq, TICK_S)
            self._sync()

    def _collect_all(self) -> None:
        """Take in all results that have arrived, and write them to the ledger once for each trial."""
        touched: dict[int, Progress] = {}
        try:
            arrived = [self._done.get(timeout=TICK_S)]
            while not self._done.empty():
                arrived.append(self._done.get_nowait())
        except queue.Empty:
            return
        self.p.look()
        try:
            for future in arrived:
                if (progress := self._collect(future)) is not None:
                    touched[id(progress)] = progress
        finally:
            for progress in touched.values():
                self._decide(progress)

    def _tick(self) -> None:
        """Report the progress of the run, every TICK_S seconds at most."""
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
        return bool(self.p.search.unfinished) or not self._reservations.may_ask

    def _collect(self, future: Future[Sequence[ReplicateOutcome]]) -> Progress | None:
        """Take in a task's replicates; returns their trial, or None if the trial has ended already."""
        progress = self._tasks.pop(future)
        if future.cancelled() or self._under_way.get((progress.lease.phase, progress.lease.number)) is not progress:
            return None
        outcomes = future.result()
        self.p.on_event(Simulated(progress.lease.phase, progress.lease.number, outcomes))
        self._pace.add([outcome.seconds for outcome in outcomes if outcome.failure is None])
        self.p.keep_log(progress.lease, outcomes)
        progress.take_in(outcomes)
        return progress

    def _decide(self, progress: Progress) -> None:
        """Finish the trial, go on to its next rung, or only store its new replicates."""
        try:
            while progress.failure is not None or progress.rung_done:
                end = trial_outcome(progress, self._judgement)
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
        trial = self.p.ledger.finish(progress.lease, end, progress.unwritten)
        self._drop(progress)
        self._written(trial)

    def _drop(self, progress: Progress) -> None:
        """Stop working on a trial: cancel its tasks that still run."""
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
