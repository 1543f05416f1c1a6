"""Turns an entry point, a Model class or a command line into simulate(params, seed) -> tables."""
