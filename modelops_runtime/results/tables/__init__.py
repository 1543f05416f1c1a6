"""A run as tables: its trials, its replicates, the bands of its finalists."""
