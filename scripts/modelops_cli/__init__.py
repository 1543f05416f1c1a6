"""What the command lines `mops` and `mops-azure` have in common."""
