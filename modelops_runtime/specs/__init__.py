"""The Pydantic models of adaptive.yaml: the one source of its schema, defaults and messages."""
