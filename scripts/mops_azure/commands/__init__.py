"""One module a command; each imports Azure's packages only when it runs."""
