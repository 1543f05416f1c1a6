"""A run as one HTML page: a file a figure."""
