"""A model that takes a given processor time. Standard library only: any Python runs it."""

import time


def cost_s(params, seed):
    """Seconds of processor time of one simulation; one in `slow_one_in` takes ten times as long (0: none does)."""
    slow = params["slow_one_in"] and seed % params["slow_one_in"] == 0
    return params["seconds"] * (10 if slow else 1)


def simulate(params, seed):
    """Compute for `cost_s`; the value is a bowl with its least at x = 0.3, y = -0.2."""
    until = time.thread_time() + cost_s(params, seed)
    while time.thread_time() < until:
        pass
    return {"t": [0], "value": [(params["x"] - 0.3) ** 2 + (params["y"] + 0.2) ** 2]}


def loss(output):
    """The squared distance from the data (0 at time 0)."""
    return output["value"][0] ** 2
