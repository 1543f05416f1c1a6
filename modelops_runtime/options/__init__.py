"""What every table of options is, in a spec, in a loss or in the configuration of a command."""
