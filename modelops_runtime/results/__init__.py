"""What a run found: its progress and summary, tables and files, and an HTML report. Reads the ledger and writes nothing to it."""
