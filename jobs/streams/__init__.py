"""Jobs that run until they are stopped."""
