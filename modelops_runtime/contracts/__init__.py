"""Value types and Protocols shared by all other packages. Standard library only."""
