"""A run as one HTML page (`page`) with figures, one file each (`figures`), which are also SVG files (`standalone`)."""
