"""A model's folder as one content-addressed archive. Knows the contracts alone."""
