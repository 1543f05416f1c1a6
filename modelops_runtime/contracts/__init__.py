"""Value types and Protocols that every other part agrees on. Standard library only."""
