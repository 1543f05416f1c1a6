"""From a loaded spec to the parts of a run, with every mistake found before anything starts."""
