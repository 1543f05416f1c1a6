"""One tree of errors; `str()` of each is the line a user reads. All state is in `args`, so they survive pickling."""

from __future__ import annotations

from dataclasses import dataclass


class ModelOpsError(Exception):
    """Something the user can act on. `exit_code` is what a command line ends with."""

    exit_code = 1


class UserError(ModelOpsError):
    """A mistake of the user; nothing was started."""

    exit_code = 2


class SpecError(UserError):
    """A mistake in a spec file: `SpecError("adaptive.yaml:12:9", "low is 0.9, above high 0.5", "low must be below high")`."""

    def __str__(self) -> str:
        where, wrong, right = self.args
        return f"{where}: {wrong}; {right}"


class SpecErrors(UserError):
    """Several mistakes of one spec, in the order of their lines: `SpecErrors(error, error, ...)`."""

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.args)


class Unreachable(ModelOpsError):
    """A server that a run needs does not answer; trying again later may help."""


class LedgerError(ModelOpsError):
    """The ledger cannot be reached, is of another version, or holds something else."""


class NotLetIn(LedgerError):
    """The ledger's server answers but refuses connections from this address."""


class LeaseLost(LedgerError):
    """Another worker has taken over this trial, and will write its result."""


class ConflictingResult(LedgerError):
    """A finished trial or replicate received a second, different result."""


@dataclass(frozen=True, slots=True)
class RunDifference:
    """A part of a run's identity that is not what it was; `str()` is what a user reads of it."""

    part: str
    """`search.seed`, `file model.py`."""
    before: str | None
    """None: it was absent."""
    now: str | None
    is_file: bool = False
    """Whether it is a file of the model's folder."""

    def __str__(self) -> str:
        before, now = ("absent" if text is None else text for text in (self.before, self.now))
        return f"{self.part}: {before} before, {now} now"


class RunDiffers(UserError):
    """A run of this name exists in the ledger with another identity: `RunDiffers(run_id, (RunDifference, ...))`."""

    def __str__(self) -> str:
        run_id, differences = self.args
        files = any(difference.is_file for difference in differences)
        unless = "; a file that the model does not need can be listed in .mopsignore" if files else ""
        return (
            f"run {run_id!r} exists with another spec ({'; '.join(map(str, differences))}); "
            f"give --run-id NEW for a run of its own, or --fresh to keep the old one under a dated name{unless}"
        )


class ModelChanged(ModelOpsError):
    """A file that the results depend on changed during the run: `ModelChanged(name, folder)`."""

    def __str__(self) -> str:
        name, folder = self.args
        return (
            f"{name} in {folder} was changed or removed during the run, which stops here without an answer; put it back as it "
            "was and the same command goes on, or give --run-id NEW or --fresh for a run of what is there now; a file that the "
            "model does not need can be listed in .mopsignore"
        )


class RunFailed(ModelOpsError):
    """The run ended without an answer that can be trusted; the text says why."""


class AlgorithmUnavailable(UserError):
    """`AlgorithmUnavailable(wrong, right)`: none of that name is installed, or it cannot be used; `right` may be empty."""

    def __str__(self) -> str:
        return "; ".join(filter(None, self.args))


class AlgorithmError(ModelOpsError):
    """A search algorithm broke its contract, or cannot continue."""
