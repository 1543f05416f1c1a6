"""Lines, tables and live displays for people. Nothing here asks or computes."""
