"""Jobs that end, with an exit code."""
