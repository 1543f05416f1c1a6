"""A stochastic model of growth on limited room: beetles in a dish, say. Write yours in its place."""

import numpy as np

DAYS = 30
STEPS_A_DAY = 10
AT_FIRST = 20


def simulate(params, seed):
    """The number of beetles at the end of each day, from 20 at the start of day 0.

    params: growth (births a day and beetle), capacity (beetles that the dish feeds). Each step draws births and deaths; deaths
    grow with the crowd, until there are as many as births. A dish may die out early. All randomness comes from the seed.
    """
    rng = np.random.default_rng(seed)
    births_a_step = params["growth"] / STEPS_A_DAY
    beetles = AT_FIRST
    counted = np.zeros(DAYS)
    for day in range(DAYS):
        for _ in range(STEPS_A_DAY):
            born = rng.poisson(births_a_step * beetles)
            died = rng.binomial(beetles, 1 - np.exp(-births_a_step * beetles / params["capacity"]))
            beetles += born - died
        counted[day] = beetles
    return {"day": np.arange(DAYS), "beetles": counted}


def derived(params):
    """What follows from the parameters and is worth a line in the answer: days in which a few beetles become twice as many."""
    return {"doubling_days": np.log(2) / params["growth"]}
