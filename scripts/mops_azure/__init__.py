"""The Azure plane: provider config -> desired state -> plan -> apply. No state of its own: names, tags and Azure's answers."""
