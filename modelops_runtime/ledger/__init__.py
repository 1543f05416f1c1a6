"""The central store of trials, replicates and leases: SQLite (embedded) and Postgres."""
