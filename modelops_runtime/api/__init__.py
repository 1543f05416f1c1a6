"""ModelOps from Python: what `mops` calls, and what notebooks and scripts call."""
