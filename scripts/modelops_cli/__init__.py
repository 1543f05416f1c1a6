"""Shared by the command lines `mops` and `mops-azure`."""
