"""A small aligner: the column `y` of the table `output`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelops_runtime.contracts.failures import BadOutput


@dataclass(frozen=True)
class TakeY:
    def align(self, tables: Mapping[str, Any]) -> Any:
        table = tables["output"]
        if "y" not in table.column_names:
            raise BadOutput(f"no column 'y'; there is: {', '.join(table.column_names)}", "targets.t.value")
        return np.asarray(table["y"].to_numpy(), dtype=np.float64)

    def align_arrays(self, arrays: Mapping[str, Any]) -> Any:
        return None

    def learn(self, arrays: Mapping[str, Any]) -> None:
        pass

    def times(self) -> Sequence[Any]:
        return ()
