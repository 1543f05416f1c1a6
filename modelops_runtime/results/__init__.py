"""What a run found, out of its ledger: Parquet files, a summary, an HTML report."""
