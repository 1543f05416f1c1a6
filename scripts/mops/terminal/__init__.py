"""Lines, tables and live displays for people. Nothing here reads a ledger or computes a result."""
