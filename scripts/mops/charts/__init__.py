"""The values of our charts, as Pydantic models: their values.yaml, values.schema.json and README tables come from here."""
