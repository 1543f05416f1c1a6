"""A run on a cluster."""
