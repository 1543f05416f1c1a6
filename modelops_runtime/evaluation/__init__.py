"""Aligns output tables with observations (on the worker) and scores the aligned values (in the runner)."""
