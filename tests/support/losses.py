"""The losses that ModelOps brings, with their options, at one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelops_runtime.losses import registry
from modelops_runtime.losses.absolute import AbsoluteLoss
from modelops_runtime.losses.annealed import AnnealedLoss
from modelops_runtime.losses.beta_binomial import BetaBinomialLoss
from modelops_runtime.losses.binomial import BinomialLoss
from modelops_runtime.losses.custom import LOSS as CUSTOM
from modelops_runtime.losses.custom import CustomLoss
from modelops_runtime.losses.log import LogLoss
from modelops_runtime.losses.loss import Observed, Term
from modelops_runtime.losses.mean_signal import MeanSignalLoss
from modelops_runtime.losses.negative_binomial import NegativeBinomialLoss
from modelops_runtime.losses.normal import NormalLoss
from modelops_runtime.losses.poisson import PoissonLoss
from modelops_runtime.losses.relative import RelativeLoss
from modelops_runtime.statistics.array import Array

__all__ = [
    "AbsoluteLoss",
    "AnnealedLoss",
    "BetaBinomialLoss",
    "BinomialLoss",
    "LogLoss",
    "MeanSignalLoss",
    "NegativeBinomialLoss",
    "NormalLoss",
    "PoissonLoss",
    "RelativeLoss",
    "custom_term",
    "term_of",
]


def term_of(options: Any, y: Array, columns: Mapping[str, Array]) -> Term:
    """The loss of these options over y [N], with the observed data's columns."""
    return registry.term_of(options, Observed(y, columns))


def custom_term(kind: str, y: Array, root: str | Path = ".") -> Term:
    """The term of a function of the user's own, which is not loaded yet."""
    return Term(CUSTOM, np.asarray(y), CustomLoss(kind=kind), root=Path(root))
