"""A model's folder as one content-addressed archive. It knows only the contracts."""
