"""A workspace: a Dask scheduler and workers that simulate for runs."""
