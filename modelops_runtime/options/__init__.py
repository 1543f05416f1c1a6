"""The base of all options, in a spec, in a loss or in the configuration of a command."""
