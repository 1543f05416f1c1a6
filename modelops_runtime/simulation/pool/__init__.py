"""Isolated processes of this machine, which run simulations."""
