"""The model of `model.py` as a class that can be stopped at the end of any day and continued, for a particle filter."""

import numpy as np
from model import STEPS_A_DAY, derived


class BoardingSchool:
    """Boys in bed at the end of each day. A state is (the last day that was simulated, susceptible, infectious)."""

    def start(self, params, rng):
        return -1, params["population"] - 1, 1  # one infectious boy at the start of day 0

    def advance(self, state, params, rng, until):
        day, susceptible, infectious = state
        recovers = 1 - np.exp(-params["gamma"] / STEPS_A_DAY)
        force = params["beta"] / params["population"] / STEPS_A_DAY
        days = list(range(day + 1, until + 1))
        in_bed = []
        for _ in days:
            for _ in range(STEPS_A_DAY):
                if infectious == 0:
                    break
                infected = rng.binomial(susceptible, 1 - np.exp(-force * infectious))
                recovered = rng.binomial(infectious, recovers)
                susceptible -= infected
                infectious += infected - recovered
            in_bed.append(infectious)
        return (until, susceptible, infectious), {"day": days, "in_bed": in_bed}

    def derived(self, params):
        return derived(params)
