"""The times to which a restartable model is advanced: the observations' keys, and the starts of their windows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.evaluation import keys
from modelops_runtime.evaluation.keys import KeyType
from modelops_runtime.evaluation.match import Rows
from modelops_runtime.evaluation.target_aligner import TargetAligner
from modelops_runtime.models.restartable import Time

_FIRST = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class ObservationTimes:
    """T times in order, and which observations are complete at each."""

    untils: tuple[Time, ...]
    """[T], as the model is given them: whole numbers, numbers, dates, or dates with a time of day."""
    steps: Rows
    """[N]: the place in `untils` of each observation's key, target after target."""


def observation_times(targets: Sequence[TargetAligner]) -> ObservationTimes:
    """The sorted union of the keys of all observations and of the starts of their windows (t - period of a sum).

    Raises BadOutput, with the path of the target's match, for keys that are text, and for dates in one target with numbers in
    another.
    """
    kinds = {target.name: target.keys.axis_type for target in targets}
    first = next(iter(kinds.values()))
    for target in targets:
        _refuse_without_axis(target, next(iter(kinds)), first)
    starts = [target.keys.axis - target.period for target in targets if target.period is not None]
    axis = np.concatenate([target.keys.axis for target in targets])
    times = _distinct(np.sort(np.concatenate([axis, *starts])), first)
    steps = np.searchsorted(times, axis + _slack(axis, first), side="right") - 1
    return ObservationTimes(_as_given(times, first), steps.astype(np.intp))


def _refuse_without_axis(target: TargetAligner, other: str, wanted: KeyType) -> None:
    kind = target.keys.axis_type
    path = target.path("match")
    if kind is KeyType.TEXT:
        raise BadOutput("the matched column holds text, and a model can only be advanced along numbers or dates", path)
    if kind is not wanted:
        raise BadOutput(f"matched by {kind.value}, and {other} by {wanted.value}: there is no one time axis", path)


def _slack(times: np.ndarray, kind: KeyType) -> np.ndarray:
    room = keys.INSTANT_SLACK if kind is KeyType.INSTANT else keys.SLACK
    return room * np.maximum(1.0, np.abs(times))


def _distinct(times: np.ndarray, kind: KeyType) -> np.ndarray:
    """Sorted times without those that are equal to the one before, but for rounding."""
    return times[np.concatenate([[True], np.diff(times) > _slack(times[1:], kind)])]


def _as_given(times: np.ndarray, kind: KeyType) -> tuple[Time, ...]:
    if kind is KeyType.INSTANT:
        instants = [_FIRST + datetime.timedelta(microseconds=round(t * keys.DAY_US)) for t in times.tolist()]
        if all(instant.time() == datetime.time() for instant in instants):
            return tuple(instant.date() for instant in instants)
        return tuple(instants)
    if (times == np.floor(times)).all():
        return tuple(int(t) for t in times)
    return tuple(times.tolist())
