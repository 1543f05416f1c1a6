"""A model with a mood for each test."""

import os
import time
from pathlib import Path

import helper
import numpy as np


def simulate(params, seed):
    mood = params.get("mood", "")
    if mood == "fail" or mood == f"fail {seed}":
        raise ZeroDivisionError("too few people")
    if mood == "exit":
        os._exit(0)
    if mood == "segfault":
        import ctypes

        ctypes.string_at(0)
    if mood == "hang":
        Path(params["started"]).touch()
        time.sleep(1_000)
    if mood == "wait":
        while not Path(params["until"]).exists():
            time.sleep(0.01)
    if mood == "eat":
        np.ones(2**29)
    if mood == "wrong":
        return {"output": {"other": [1.0]}}
    if mood == "where":
        print(os.getcwd())
    print(f"seed {seed}")
    noise = np.random.default_rng(seed).random(3)
    return {"x": np.arange(3), "y": params["a"] * noise + float(Path("data.txt").read_text()) + helper.ZERO}


def other(params, seed):
    return {"first": {"x": [seed]}, "second": {"y": [float(params["a"])]}}


calls = 0


def counting(params, seed):
    global calls
    calls += 1
    return {"x": [0, 1, 2], "y": [os.getpid(), calls, params["a"] * seed]}


def derived(params):
    return {"double": 2 * params["a"]}


# ruff: noqa: T201 - models print
