"""How one target is matched: what a spec says of it, with the keys of its observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modelops_runtime.evaluation.observed_keys import ObservedKeys


@dataclass(frozen=True, slots=True, eq=False)
class TargetAligner:
    """One target's matching; `keys` and everything else that depends on the data is computed once."""

    name: str
    output: str | None
    value: str
    kind: Literal["exact", "asof", "interpolate", "sum"]
    keys: ObservedKeys
    min_coverage: float
    tolerance: float | None = None
    period: float | None = None

    def path(self, key: str) -> str:
        return f"targets.{self.name}.{key}"
