"""A model of 14 days as two numpy columns, which takes a given processor time; the problem that overhead is measured on."""

import time

import numpy as np

DAYS = np.arange(14)


def cost_s(params, seed):
    """Seconds of processor time of one simulation, whatever the seed; 0 returns at once."""
    return params["seconds"]


def simulate(params, seed):
    """Compute for `cost_s`; an epidemic whose peak x moves and whose width y changes, with noise of the seed."""
    seconds = params["seconds"]
    if seconds:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
    away = (DAYS - 6 - params["x"]) / (3 + params["y"])
    return {"day": DAYS, "in_bed": 300 * np.exp(-away * away) + seed % 100 / 100}


OBSERVED = np.round(simulate({"seconds": 0, "x": 0.3, "y": -0.2}, 0)["in_bed"], 1)


def loss(output):
    """The mean squared distance from the observations."""
    away = output["in_bed"] - OBSERVED
    return float(away @ away) / len(away)
