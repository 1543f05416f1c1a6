"""`selftest`: calibrate data simulated with known parameters, and see whether these are found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelops_runtime.api.calibrate import cores, stop_request
from modelops_runtime.api.opening import Ready, ready_of
from modelops_runtime.contracts.answer import Answer
from modelops_runtime.contracts.errors import RunFailed
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.plain_text import json_text, plain_line
from modelops_runtime.contracts.space import Parameter
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.observation_noise import observed_of
from modelops_runtime.evaluation.plan import with_values
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.inference.effective_sizes import sized_trials_of
from modelops_runtime.inference.loss_family import intervals_of
from modelops_runtime.inference.searched import searched_in
from modelops_runtime.inference.selftest import Repeat, SelfTest
from modelops_runtime.inference.selftest_recovery import recoveries, together
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.losses.loss import LossError
from modelops_runtime.losses.registry import loss_named
from modelops_runtime.results.atomic_files import written_together
from modelops_runtime.results.selftest_text import report_lines
from modelops_runtime.runner.events import Event
from modelops_runtime.runner.request import RunReport, RunRequest
from modelops_runtime.runner.run import run_spec
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.simulation.seeds import seed_of
from modelops_runtime.specs.adaptive import OutputsSpec, StopSpec
from modelops_runtime.specs.loading import LoadedSpec, load_spec
from modelops_runtime.specs.targets import TargetSpec
from modelops_runtime.statistics.array import Array

LEDGER = Path(".modelops") / "selftest.sqlite"

TRIALS = 100
"""Trials of each repeat, unless the spec has fewer."""

ATTEMPTS = 20
"""How many sets are drawn for a repeat until the model does not fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A drawn set and its pseudo-data."""

    params: UniqueParameterSet
    """With the fixed parameters."""
    searched: Mapping[str, Scalar]
    observed: Mapping[str, pa.Table]
    complete: bool
    """Whether there is a value for each observation."""
    redrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What all repeats have in common."""

    base: LoadedSpec
    made: Ready
    ledger: Path
    seed: int
    slots: int
    mark: str
    """Digest of everything that determines the runs of the repeats."""

    def seed_for(self, number: int, what: str) -> int:
        return seed_of(f"selftest:{self.seed}:{number}:{what}")

    def run_id(self, number: int) -> str:
        return f"{self.base.spec.name[:40].rstrip('-')}-{self.mark}-{number}"


def selftest(
    spec: str | Path,
    *,
    repeats: int = 20,
    trials: int | None = None,
    replicates: int | None = None,
    seed: int = 1,
    workers: int | None = None,
    out: str | Path | None = None,
    on_repeat: Callable[[Repeat], None] | None = None,
    on_event: Callable[[int, Event], None] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> SelfTest:
    """Draw known sets from the ranges, simulate data with each, calibrate these, and compare.

    Calling it again continues where it stopped: each repeat is a run in `.modelops/selftest.sqlite` beside the spec.

    - repeats: known sets; each depends on `seed` and its number only, so a larger number of repeats keeps the earlier ones.
    - trials, replicates: of each calibration; default: the spec's, at most 100 trials. Guesses and stop rules are ignored.
    - workers: simulations side by side; default: one for each core.
    - out: a folder for selftest.json and selftest.txt.
    - on_repeat: is called with each repeat as it ends; on_event with its number and each event of its run.
    - on_stop: is called at the first Ctrl-C. The result then has the repeats that ended, and is `interrupted`.

    Raises SpecErrors or UserError (nothing was started), RunFailed (the model fails wherever it is tried), LedgerError.
    """
    began = time.monotonic()
    base = _reduced(load_spec(Path(spec)), trials, replicates)
    slots = workers or cores()
    with stop_request(on_stop) as stop, ready_of(_without_filter(base), slots=slots) as made:
        plan = _Plan(
            base=base, made=made, ledger=base.root / LEDGER, seed=seed, slots=slots, mark=_mark(base, made, seed)
        )
        done = _repeats(plan, repeats, stop, on_repeat, on_event)
        found = SelfTest(
            name=base.spec.name,
            repeats=tuple(done),
            parameters=recoveries([searched_in(p) for p in _in_the_specs_order(plan)], done),
            together=together(done),
            asked=repeats,
            trials=base.spec.search.trials,
            replicates=base.spec.search.most_replicates,
            seed=seed,
            noise={name: _noise(target) for name, target in base.spec.targets.items()},
            elapsed_s=time.monotonic() - began,
        )
    if out is not None and not found.interrupted:
        _write(found, Path(out))
    return found


def _reduced(loaded: LoadedSpec, trials: int | None, replicates: int | None) -> LoadedSpec:
    """The spec with the smaller budget, and without guesses and rules that stop a search early."""
    for name, target in loaded.spec.targets.items():
        key = loss_named(target.loss.kind).per_observation
        if key and getattr(target.loss, key) == target.observed_column:
            wrong = f"{key} is the observed value itself, which a self-test replaces"
            raise loaded.error(f"targets.{name}.loss", wrong, f"give {key} a column of its own")
    given = loaded.spec.search
    search = given.model_copy(
        update={
            "trials": trials or min(given.trials, TRIALS),
            "replicates": replicates or given.replicates,
            "guesses": (),
            "guesses_from_prior": 0,
            "stop": StopSpec(),
        }
    )
    return replace(loaded, spec=loaded.spec.model_copy(update={"search": search, "outputs": OutputsSpec()}))


def _without_filter(loaded: LoadedSpec) -> LoadedSpec:
    """The spec whose replicates are free simulations, of which data can be made."""
    search = loaded.spec.search.model_copy(update={"likelihood": None})
    return replace(loaded, spec=loaded.spec.model_copy(update={"search": search}))


def _mark(base: LoadedSpec, made: Ready, seed: int) -> str:
    search = base.spec.search
    confirm = search.confirm.model_dump_json()
    text = f"{made.prepared.identity}|{seed}|{search.trials}|{confirm}"
    if search.likelihood is not None:
        text += f"|{search.likelihood.model_dump_json()}"
    return blake2b(text.encode(), digest_size=4).hexdigest()


def _repeats(
    plan: _Plan,
    count: int,
    stop: StopRequest,
    on_repeat: Callable[[Repeat], None] | None,
    on_event: Callable[[int, Event], None] | None,
) -> list[Repeat]:
    """Run the repeats one after the other, until all are done or a stop is requested."""
    done: list[Repeat] = []
    for number in range(1, count + 1):
        repeat = None if stop.asked else _repeat(plan, number, stop, on_event)
        if repeat is None:
            break
        done.append(repeat)
        if on_repeat is not None:
            on_repeat(repeat)
    return done


def _repeat(
    plan: _Plan, number: int, stop: StopRequest, on_event: Callable[[int, Event], None] | None
) -> Repeat | None:
    """Run one repeat; None if it was interrupted."""
    known = _known(plan, number)
    search = plan.base.spec.search.model_copy(update={"seed": plan.seed_for(number, "search") >> 1})
    loaded = replace(
        plan.base, spec=plan.base.spec.model_copy(update={"search": search}), observed=dict(known.observed)
    )
    request = RunRequest(loaded=loaded, ledger_url=str(plan.ledger), run_id=plan.run_id(number), slots=plan.slots)
    of_filter = plan.base.spec.search.likelihood is not None  # which weighs by the data themselves
    service = plan.made.service if known.complete and not of_filter else None

    def heard(event: Event) -> None:
        if on_event is not None:
            on_event(number, event)

    try:
        report = run_spec(request, on_event=heard, stop=stop, code=plan.made.code, service=service)
    except RunFailed as error:
        return Repeat(
            number=number,
            run_id=request.run_id,
            truth=known.searched,
            found={},
            redrawn=known.redrawn,
            reason=str(error).splitlines()[0],
        )
    return None if report.interrupted else _compared(plan, number, known, request, report)


def _compared(plan: _Plan, number: int, known: _Known, request: RunRequest, report: RunReport) -> Repeat:
    ledger = open_ledger(request.ledger_url, create=False)
    try:
        run = ledger.get_run(request.run_id)
        assert run is not None
        stated = intervals_of(run, sized_trials_of(ledger, run))
    finally:
        ledger.close()
    answer = Answer.from_json(report.summary)
    params, derived = answer.params, answer.derived
    true = plan.made.service.derive(known.params.params) if derived else {}
    return Repeat(
        number=number,
        run_id=request.run_id,
        truth=known.searched,
        found={name: params[name] for name in known.searched},
        intervals=stated,
        derived={name: (true[name], derived[name]) for name in derived if name in true},
        redrawn=known.redrawn,
    )


def _known(plan: _Plan, number: int) -> _Known:
    """The set of a repeat, drawn again until the model does not fail. It depends on the seed and the number only."""
    settings, prepared = plan.made.prepared.settings, plan.made.prepared
    first = ""
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng(plan.seed_for(number, f"draw:{attempt}"))
        searched = settings.space.at(rng.random(len(settings.space.parameters)).tolist()).params
        params = UniqueParameterSet.of({**settings.fixed, **searched})
        seed = plan.seed_for(number, f"simulation:{attempt}")
        (outcome,) = plan.made.service.submit_replicates(params, {0: seed}).result()
        try:
            if outcome.failure is not None:
                raise LossError(f"{outcome.failure.kind}: {outcome.failure.message}")
            values = observed_of(_at_drawn(prepared.plan.scorer, rng).targets, stack([outcome.aligned])[0], rng)
        except LossError as error:
            first = first or str(error)
            continue
        return _Known(
            params=params,
            searched=searched,
            observed=_tables(plan, values),
            complete=not np.isnan(values).any(),
            redrawn=attempt,
        )
    raise RunFailed(f"the model fails at {ATTEMPTS} of {ATTEMPTS} sets drawn for repeat {number}: {first}")


def _at_drawn(scorer: Scorer, rng: np.random.Generator) -> Scorer:
    """With nuisance parameters drawn from their ranges, if there are any."""
    if not scorer.nuisance:
        return scorer
    return scorer.at({parameter.name: parameter.from_unit(rng.random()) for parameter in scorer.nuisance})


def _tables(plan: _Plan, values: Array) -> dict[str, pa.Table]:
    spec = plan.base.spec
    return {
        scored.name: with_values(
            plan.base.observed[scored.name],
            spec.targets[scored.name].observed_column,
            values[scored.start : scored.stop],
        )
        for scored in plan.made.prepared.plan.scorer.targets
    }


def _in_the_specs_order(plan: _Plan) -> list[Parameter]:
    order = list(plan.base.spec.parameters)
    parameters = plan.made.prepared.settings.space.parameters
    return sorted(parameters, key=lambda p: (order.index(p.name) if p.name in order else len(order), p.name))


def _noise(target: TargetSpec) -> str:
    kind = target.loss.kind
    if not loss_named(kind).is_likelihood:
        return f"one simulation as it is: {kind} assumes no observation noise"
    text = f"one simulation, observed with the noise that {kind} assumes"
    if target.weight != 1:
        text += f"; the weight of {target.weight:g} is not part of that noise, so that coverage may be off"
    return text


def _write(found: SelfTest, folder: Path) -> None:
    with written_together(folder, ["selftest.json", "selftest.txt"]) as (as_json, as_text):
        as_json.write_text(json_text(found.as_json(), indent=2) + "\n", "utf-8")
        as_text.write_text("\n".join(map(plain_line, report_lines(found))) + "\n", "utf-8")
