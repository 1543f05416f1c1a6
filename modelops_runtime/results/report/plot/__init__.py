"""Axes and small pieces of SVG."""
