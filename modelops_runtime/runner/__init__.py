"""The Ask/Tell loop that keeps every simulation slot busy."""
