"""ModelOps calibrates stochastic simulation models: it searches parameters until the output fits the data."""
