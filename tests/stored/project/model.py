"""Growth with noise, in the standard library alone: the same output for a seed in every version of everything."""

import random
import time


def simulate(params, seed):
    time.sleep(0.02)
    noise = random.Random(seed)
    day, cases, share, ill = [], [], [], 0.0
    for number in range(params["days"]):
        slower = 1 / (1 + number / 4) if params["shape"] == "slowing" else 1.0
        mean = params["first"] * (1 + params["rate"] * slower) ** number * (0.5 + noise.random())
        ill += mean
        day.append(number)
        cases.append(float(round(mean)))
        share.append(min(ill / 1000, 1.0))
    return {"day": day, "cases": cases, "share": share}
