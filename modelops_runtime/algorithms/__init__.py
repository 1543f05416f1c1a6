"""Search algorithms behind the entry-point group `modelops.algorithms`."""
