"""Runs simulations isolated, here or on Dask."""
