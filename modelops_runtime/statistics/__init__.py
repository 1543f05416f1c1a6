"""Numbers from numbers: no spec, no ledger, no file."""
