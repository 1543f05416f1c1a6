"""A run as an Optuna study in an SQLite file, for `optuna.load_study`, its plots and its dashboard.

Search trials keep their numbers and their losses. COMPLETED is COMPLETE; stopped early is PRUNED, with its loss at its
number of replicates, since such a set is never the best; FAILED and TIMEOUT are FAIL; an unfinished trial is RUNNING
(never WAITING, which Optuna would run). Everything else is in user attributes. Times are UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.inference.ranking import candidates
from modelops_runtime.ledger.base import Run, Trial, damaged
from modelops_runtime.specs.space import kept_space

_STATES = {
    TrialStatus.PENDING: TrialState.RUNNING,
    TrialStatus.LEASED: TrialState.RUNNING,
    TrialStatus.COMPLETED: TrialState.COMPLETE,
    TrialStatus.FAILED: TrialState.FAIL,
    TrialStatus.TIMEOUT: TrialState.FAIL,
}


def write_study(run: Run, trials: Sequence[Trial], to: Path) -> None:
    """Write the study, named as the run, to a new file. Raises LedgerError for a run without its search space."""
    try:
        space = kept_space(run.space, run.spec)
    except ValueError as error:
        raise LedgerError(
            f"run {run.run_id!r} does not say what it searches ({error}); export it as parquet"
        ) from error
    confirmed = {t.number: t for t in trials if t.phase == "confirm" and t.status is TrialStatus.COMPLETED}
    with _silence():
        # Written in memory and then copied: a file would be synchronised several times for each trial.
        storage = RDBStorage("sqlite:///:memory:")
        try:
            study = optuna.create_study(storage=storage, study_name=run.run_id, direction="minimize")
            for key, value in _study_attributes(run, trials).items():
                study.set_user_attr(key, value)
            for trial in trials:
                if trial.phase == "search":
                    _add(study, trial, confirmed.get(trial.number), space)
            _copy(storage, to)
        finally:
            storage.remove_session()
            storage.engine.dispose()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Optuna from reporting on stderr that it made a study."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _copy(storage: RDBStorage, to: Path) -> None:
    connection = storage.engine.raw_connection()
    try:
        with closing(sqlite3.connect(to)) as file:
            connection.driver_connection.backup(file)  # type: ignore[union-attr]
    finally:
        connection.close()


def _add(study: optuna.Study, trial: Trial, confirmation: Trial | None, space: ParameterSpace) -> None:
    try:
        study.add_trial(frozen_trial(trial, confirmation, space))
    except (TypeError, ValueError) as error:
        raise damaged(trial, f"column params does not go with what is searched ({error})") from error


def frozen_trial(trial: Trial, confirmation: Trial | None, space: ParameterSpace) -> FrozenTrial:
    """A search trial as an Optuna trial."""
    state = TrialState.PRUNED if trial.stopped_early else _STATES[trial.status]
    searched = {p.name: p for p in space.parameters} if trial.params is not None else {}
    given = trial.values_of(searched)
    params = {name: _value(p, given[name]) for name, p in searched.items()}
    value = trial.loss if state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    return FrozenTrial(
        number=trial.number,
        trial_id=-1,
        state=state,
        value=value,
        datetime_start=_naive(trial.proposed_at or datetime.now(UTC)),
        datetime_complete=_naive(trial.finished_at) if state.is_finished() else None,
        params=params,
        distributions={name: distribution_of(p) for name, p in searched.items()},
        user_attrs=_attributes(trial, confirmation),
        system_attrs={},
        intermediate_values={trial.replicates: value} if state is TrialState.PRUNED and value is not None else {},
    )


def distribution_of(parameter: Parameter) -> BaseDistribution:
    """The range as a user of Optuna would write it. Optuna has no logit scale, so it becomes linear."""
    if isinstance(parameter, ChoiceParameter):
        return CategoricalDistribution(parameter.choices)
    if isinstance(parameter, IntegerParameter):
        highest = parameter.high - (parameter.high - parameter.low) % parameter.step
        return IntDistribution(parameter.low, highest, log=parameter.scale == "log", step=parameter.step)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.scale == "log")


def _value(parameter: Parameter, value: Scalar) -> Scalar:
    return value if isinstance(parameter, ChoiceParameter | IntegerParameter) else float(value)


def _attributes(trial: Trial, confirmation: Trial | None) -> dict[str, Any]:
    """The user attributes of a trial; those without a value are left out."""
    given: dict[str, Any] = {
        "loss_se": trial.loss_se,
        "effective_sample_size": trial.effective_sample_size,
        "loss_bias": trial.loss_bias,
        "replicates": trial.replicates or None,
        "stopped_early": trial.stopped_early or None,
        "confirmed_loss": confirmation.loss if confirmation else None,
        "confirmed_loss_se": confirmation.loss_se if confirmation else None,
        "confirmed_effective_sample_size": confirmation.effective_sample_size if confirmation else None,
        "confirmed_loss_bias": confirmation.loss_bias if confirmation else None,
        "confirmed_replicates": confirmation.replicates if confirmation else None,
        "guess": True if trial.origin == "guess" else None,
        "failure": trial.failure,
        "error": trial.error,
        "seconds": trial.seconds,
        **{f"nuisance.{name}": value for name, value in trial.nuisance.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


def _study_attributes(run: Run, trials: Sequence[Trial]) -> dict[str, Any]:
    ranked = candidates(trials)
    fixed = {name: value for name, value in run.spec.get("parameters", {}).items() if not isinstance(value, dict)}
    given: dict[str, Any] = {
        "run": run.run_id,
        "state": str(run.state),
        "trials": run.trials,
        "replicates": run.replicates,
        "best_trial": ranked[0].search.number if ranked else None,
        "confirmed_loss": ranked[0].confirmed_loss if ranked else None,
        "fixed": fixed or None,
        "identity": run.identity,
    }
    return {name: value for name, value in given.items() if value is not None}


def _naive(time: datetime | None) -> datetime | None:
    """UTC without a time zone, which is how Optuna stores times."""
    return None if time is None else time.replace(tzinfo=None)
