"""A stochastic SIR model of influenza among the boys of a boarding school."""

import numpy as np

DAYS = 14
STEPS_A_DAY = 10


def simulate(params, seed):
    """Boys in bed at the end of each day, from one infectious boy at the start of day 0.

    params: beta (infections a day and infectious boy, in a school where all others are susceptible), gamma (recoveries
    a day and infectious boy), population. Each step is a draw from binomial distributions, so an outbreak may die out early.
    """
    rng = np.random.default_rng(seed)
    population = params["population"]
    recovers = 1 - np.exp(-params["gamma"] / STEPS_A_DAY)
    force = params["beta"] / population / STEPS_A_DAY
    susceptible, infectious = population - 1, 1
    in_bed = np.zeros(DAYS)
    for day in range(DAYS):
        for _ in range(STEPS_A_DAY):
            if infectious == 0:
                break
            infected = rng.binomial(susceptible, 1 - np.exp(-force * infectious))
            recovered = rng.binomial(infectious, recovers)
            susceptible -= infected
            infectious += infected - recovered
        in_bed[day] = infectious
    return {"day": np.arange(DAYS), "in_bed": in_bed}


def derived(params):
    """The basic reproduction number: how many boys the first one infects."""
    return {"R0": params["beta"] / params["gamma"]}
