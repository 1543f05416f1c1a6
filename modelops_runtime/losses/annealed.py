"""annealed: the squared error of each replicate, averaged.

annealed = mean_signal + (1/N) sum_i (1/R) sum_r (s_ri - m_i)^2, so it is never the smaller one: bias-variance decomposition
(Geman, Bienenstock and Doursat, Neural Computation 4, 1992).
"""

from __future__ import annotations

from typing import Literal

from modelops_runtime.losses.loss import Loss
from modelops_runtime.losses.mean_signal import squared
from modelops_runtime.losses.nuisance import LossOptions


class AnnealedLoss(LossOptions):
    """Squared error of each replicate, averaged: mean_signal plus the variance between replicates."""

    kind: Literal["annealed"] = "annealed"


LOSS = Loss(options=AnnealedLoss, family="distance", of="each", value=squared, growth="squared")
