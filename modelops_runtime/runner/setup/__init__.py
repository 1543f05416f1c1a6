"""Builds the parts of a run from a loaded spec, and finds every mistake before anything starts."""
