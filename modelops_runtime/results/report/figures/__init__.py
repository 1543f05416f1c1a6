"""The figures of the report, one module each.

To add a figure, add a module that holds a `FIGURE` (`figure.Figure`): its section and rank on the page, the function that draws
it, and the CSS that only it needs. The page and `mops report --figures` find it; nothing else lists the figures.
"""
