"""Starts, checks and stops the local services and the programs of the demo."""
