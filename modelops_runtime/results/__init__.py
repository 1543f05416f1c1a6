"""Trials and outputs as Parquet, the HTML report, the provenance record."""
