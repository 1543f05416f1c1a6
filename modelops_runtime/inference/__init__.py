"""What the data say about the parameters, read from a ledger."""
