"""Simulations on a Dask cluster."""
