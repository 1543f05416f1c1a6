"""Turns a function, a class or a command into `simulate(params, seed) -> tables`.

A model needs nothing from here. `Model`, `output` and `scenario` are for one that has more to say (see `models.base`).
"""

from modelops_runtime.models.base import Model, output, scenario

__all__ = ["Model", "output", "scenario"]
