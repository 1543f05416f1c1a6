"""How far a simulation is from the data: a file a loss, found by the entry-point group `modelops.losses`."""
