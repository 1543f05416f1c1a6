"""Turns a function, a class or a command into `simulate(params, seed) -> tables`.

A model need not import this. `Model`, `output` and `scenario` declare more about a model (see `models.base`).
"""

from modelops_runtime.models.base import Model, output, scenario

__all__ = ["Model", "output", "scenario"]
