"""How far a simulation is from the data: a file a loss."""
