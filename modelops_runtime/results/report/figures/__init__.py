"""The figures of the report. Each module here is one figure, and holds it as `FIGURE`; nothing else lists them."""
