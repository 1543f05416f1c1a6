"""An age-structured stochastic SEIR with daily steps that can be restarted: weekly cases and a seroprevalence survey.

The data were made by it with R0 1.6, kids 0.7, i0 30 and reporting 0.15.
"""

import datetime as dt

import numpy as np

AGES = ["0-17", "18-64", "65+"]
PEOPLE = np.array([20_000, 60_000, 20_000])
CONTACTS = np.array([[8.0, 5.0, 0.8], [1.7, 8.0, 1.0], [0.8, 3.0, 2.0]])
"""A day; the row is who has them."""
LATENT, INFECTIOUS = 3.0, 5.0
FIRST_DAY = dt.date(2025, 10, 1)
LARGEST = float(np.abs(np.linalg.eigvals(CONTACTS)).max())


class Seir:
    """A state is an array [5, 3]: the next day, and susceptible, exposed, infectious, recovered people of each age."""

    def start(self, params, rng):
        infectious = rng.multinomial(round(params["i0"]), PEOPLE / PEOPLE.sum())
        nobody = np.zeros(3, dtype=np.int64)
        return np.array([nobody, PEOPLE - infectious, nobody, infectious, nobody])

    def advance(self, state, params, rng, until):
        (after,), rows = self.advance_all(state[None], params, rng, until)
        own = {"reported", "share"}
        return after, {name: {k: v[0] if k in own else v for k, v in table.items()} for name, table in rows.items()}

    def advance_all(self, states, params, rng, until):
        force = params["R0"] / INFECTIOUS / LARGEST * np.array([params["kids"], 1.0, 1.0])
        next_day, s, e, i, r = np.moveaxis(states, 1, 0)
        days = range(int(next_day[0, 0]), (until - FIRST_DAY).days + 1)
        if not days:
            return states, {}
        reported, shares = [], []
        for _ in days:
            infected = rng.binomial(s, 1 - np.exp(-force * (i / PEOPLE @ CONTACTS.T)))
            onset = rng.binomial(e, 1 - np.exp(-1 / LATENT))
            recovered = rng.binomial(i, 1 - np.exp(-1 / INFECTIOUS))
            s, e, i, r = s - infected, e + infected - onset, i + onset - recovered, r + recovered
            reported.append(rng.binomial(onset, params["reporting"]))
            shares.append(r / PEOPLE)
        keys = {
            "date": [FIRST_DAY + dt.timedelta(days=day) for day in days for _ in AGES],
            "age": AGES * len(days),
        }
        rows = {
            "cases": {**keys, "reported": np.concatenate(reported, axis=1)},
            "sero": {**keys, "share": np.concatenate(shares, axis=1)},
        }
        return np.stack([np.full_like(s, days[-1] + 1), s, e, i, r], axis=1), rows
