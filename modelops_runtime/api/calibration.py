"""A run and its answer, for Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.caution import Caution
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.plain_text import plain_text
from modelops_runtime.ledger.base import Ledger, Run, RunState
from modelops_runtime.ledger.opening import open_ledger, run_called
from modelops_runtime.runner.finish import answer_of

if TYPE_CHECKING:
    import pyarrow as pa

    from modelops_runtime.inference.cautions import Findings
    from modelops_runtime.inference.intervals import Intervals
    from modelops_runtime.inference.predictive_checks import PredictiveChecks


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The progress of a run, and its answer once there is one. Tables are read from the ledger on demand."""

    run_id: str
    ledger_url: str = field(repr=False)
    state: RunState
    params: Mapping[str, Scalar]
    """The best set, with its fixed parameters; empty until there is one."""
    derived: Mapping[str, float]
    """Quantities that the model derives from the best set (R0)."""
    best_trial: int | None
    loss: float | None
    """Its loss in the search: biased low, as the lowest of many."""
    loss_se: float | None
    confirmed_loss: float | None
    """Its loss over fresh seeds; None without a confirmation."""
    confirmed_loss_se: float | None
    interrupted: bool = False
    """Whether a stop was requested before the run was over; calibrating again continues it."""
    already_finished: bool = False
    """Whether the run had finished before this call."""
    trials_made: int = 0
    """Trials made during this call, by it or by other workers."""
    simulations: int = 0
    """Simulations of this call."""
    elapsed_s: float = 0.0
    confirmed_replicates: int | None = None
    effective_sample_size: float | None = None
    """How many replicates count in a likelihood, of the confirmation if there is one; below 5 there is no standard error."""
    nuisance: Mapping[str, float] = field(default_factory=dict)
    """The nuisance parameters of the observation, as the confirmed loss has found them, or that of the search."""
    loss_bias: float | None = None
    """By how much `loss` is too high for its few replicates (a jackknife's estimate; `loss` is not corrected for it).

    None if it is not known: a single replicate, or a likelihood of which fewer than 5 replicates count."""
    confirmed_loss_bias: float | None = None
    """The same of `confirmed_loss`."""
    stop_reason: str = ""
    warnings: tuple[str, ...] = ()
    """What the user should know about the model, for example that it does not repeat."""
    cautions: tuple[str, ...] = ()
    """Reasons to doubt the answer, a sentence each: no set fits, a value lies near its bound, ..."""
    caution_kinds: tuple[str, ...] = ()
    """The kind of each (`contracts.caution.CautionKind`)."""
    fit_verdict: str = ""
    """Whether the model fits (`inference.fit_verdict.FitVerdict`); empty if that was not looked at."""
    fit_says: str = ""
    """The same in a sentence or two."""
    found_intervals: Intervals | None = field(default=None, repr=False)
    """What `intervals` returns, if it was computed at the end of the run."""
    report: Path | None = None
    """The HTML report, if one was written."""
    summary: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The answer as it is stored in the ledger, as JSON values."""

    def trials(self) -> pa.Table:
        """One row for each search trial: trial, status, loss, loss_se, confirmed_loss, `param.NAME`, ...; `.to_pandas()`."""
        from modelops_runtime.results.tables.trials import trials_table

        with self._ledger() as ledger:
            return trials_table(ledger.trials(self.run_id))

    def replicates(self, trial: int | None = None) -> pa.Table:
        """One row for each simulation, of one trial or of all: trial, replicate, seed, status, seconds, error, ..."""
        from modelops_runtime.results.tables.replicates import replicates_table

        with self._ledger() as ledger:
            return replicates_table(ledger.replicates(self.run_id, trial))

    def fit(self, trial: int | None = None) -> pa.Table:
        """Observed beside simulated, a row for each observation and simulation, of `trial` or of the best one.

        Columns trial, replicate (2**32 and up: confirmation), target, the matched key, observed, simulated (both in the
        unit of the observations), phase; n and probability where counts of n were observed.
        """
        from modelops_runtime.evaluation.fit_table import fit_table

        number = self.best_trial if trial is None else trial
        if number is None:
            raise UserError(f"run {self.run_id!r} has no best trial yet")
        with self._ledger() as ledger:
            run = run_called(ledger, self.run_id)
            done = [r for r in ledger.replicates(self.run_id, number) if r.status == "COMPLETED"]
            rows = [(r.number, r.index, r.aligned) for r in done]
            found = {(t.number, t.phase): t.nuisance for t in ledger.trials(self.run_id) if t.number == number}
            return fit_table(run.observations, rows, run.spec.get("targets"), found)

    def intervals(self) -> Intervals:
        """The interval of each searched number around the best set, with level and method, or the reason why there are none."""
        if self.found_intervals is not None:
            return self.found_intervals
        from modelops_runtime.inference.loss_family import intervals_of
        from modelops_runtime.inference.run_data import gather

        with self._ledger() as ledger:
            run_data = gather(ledger, self.run_id)
        return intervals_of(run_data.run, run_data.trials)

    def predictive_checks(self) -> PredictiveChecks | None:
        """How the observations lie in what the best set predicts: bands, PIT histogram, largest misfits; None without a set."""
        from modelops_runtime.inference.predictive_checks import predictive_checks
        from modelops_runtime.inference.run_data import gather

        with self._ledger() as ledger:
            return predictive_checks(gather(ledger, self.run_id))

    def export(self, to: str | Path) -> list[Path]:
        """Write trials, replicates, fit and bands as Parquet, and run.json, into the folder `to`; returns their paths."""
        from modelops_runtime.results.export import export_run

        with self._ledger() as ledger:
            return export_run(ledger, self.run_id, Path(to))

    def write_report(self, path: str | Path) -> Path:
        """Write the HTML report of the run as it stands."""
        from modelops_runtime.results.report.page import write_report

        with self._ledger() as ledger:
            return write_report(ledger, self.run_id, Path(path))

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        ledger = open_ledger(self.ledger_url, create=False)
        try:
            yield ledger
        finally:
            ledger.close()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        loss = self.confirmed_loss if self.confirmed_loss is not None else self.loss
        kind = "confirmed loss" if self.confirmed_loss is not None else "loss, not confirmed"
        rows = [*self.params.items(), *((f"{name} (derived)", value) for name, value in self.derived.items())]
        rows += [(f"{name} (nuisance)", value) for name, value in self.nuisance.items()]
        rows += [] if loss is None else [(kind, loss)]
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*filter(None, [self.fit_says]), *self.cautions))
        cells = "".join(
            f"<tr><th>{escape(str(name))}</th><td>{escape(_shown(value))}</td></tr>" for name, value in rows
        )
        table = plain_text(f"<table><caption>{escape(self.run_id)}: {self.state.lower()}</caption>{cells}</table>")
        return table + (plain_text(f"<ul>{said}</ul>") if said else "")


def open_run(run_id: str, ledger: str | Path = ".modelops/ledger.sqlite") -> Calibration:
    """A run in an existing ledger. Raises UserError when there is no such ledger or run."""
    from modelops_runtime.inference.cautions import cautions_of, findings_of
    from modelops_runtime.inference.effective_sizes import with_sizes
    from modelops_runtime.inference.run_data import gather

    opened = open_ledger(str(ledger), create=False)
    try:
        run = with_sizes(opened, run_called(opened, run_id))
        run_data = gather(opened, run_id)
        found = findings_of(run_data)
        return of_run(run, str(ledger), cautions=cautions_of(run_data, found), **about(found))
    finally:
        opened.close()


def about(found: Findings) -> dict[str, Any]:
    """The fields of a Calibration that follow from what was found about its answer."""
    return {
        "fit_verdict": str(found.fit.verdict),
        "fit_says": found.fit.says,
        "found_intervals": found.intervals,
    }


def of_run(run: Run, ledger_url: str, *, cautions: Sequence[Caution] = (), **more: Any) -> Calibration:
    """A Calibration from the run's row; `more` are fields that the row does not hold."""
    answer = answer_of(run)
    return Calibration(
        run_id=run.run_id,
        ledger_url=ledger_url,
        state=run.state,
        params=answer.params,
        derived=answer.derived,
        best_trial=answer.best_trial,
        loss=answer.loss,
        loss_se=answer.loss_se,
        confirmed_loss=answer.confirmed_loss,
        confirmed_loss_se=answer.confirmed_loss_se,
        confirmed_replicates=answer.confirmed_replicates,
        effective_sample_size=answer.effective_sample_size_of_loss,
        nuisance=answer.nuisance,
        loss_bias=answer.loss_bias,
        confirmed_loss_bias=answer.confirmed_loss_bias,
        stop_reason=run.reason,
        warnings=run.warnings,
        cautions=tuple(caution.text for caution in cautions),
        caution_kinds=tuple(caution.kind for caution in cautions),
        summary=run.summary,
        **more,
    )


def _shown(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
