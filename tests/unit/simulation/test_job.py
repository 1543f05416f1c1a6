"""What crosses the process boundary of a failed simulation."""

from __future__ import annotations

import pickle

from modelops_runtime.contracts.errors import ModelChanged
from modelops_runtime.contracts.failures import BadOutput, Complaint, Failure, FailureKind
from modelops_runtime.simulation.pool.job import explain


class Describing:
    def load(self):
        raise NotImplementedError

    def describe(self, error: BaseException) -> tuple[str, str]:
        return f"described: {error}", "its trace"


def crossed(error: BaseException) -> Failure:
    (kind, *rest), _ = pickle.loads(pickle.dumps(explain(Describing(), error)))
    return Failure(FailureKind(kind), *rest)


def test_a_changed_file_crosses_as_what_the_error_is_made_of() -> None:
    error = ModelChanged("big.npy", "model")
    failure = crossed(error)
    assert (failure.kind, failure.path, failure.changed_file) == (FailureKind.LOST, "", ("big.npy", "model"))
    assert failure.message == str(error)
    assert failure.changed_file is not None
    assert str(ModelChanged(*failure.changed_file)) == str(error)


def test_another_failure_names_no_changed_file_whatever_its_path_is() -> None:
    further = Complaint("no y", "targets.y", "there is: z")
    bad = crossed(BadOutput("no table 'x'", "model files", further=[further]))
    assert (bad.path, bad.complaints, bad.changed_file) == (
        "model files",
        (Complaint("no table 'x'", "model files"), further),
        None,
    )
    assert crossed(ValueError("odd")).changed_file is None
