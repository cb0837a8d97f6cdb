"""What recommendations sell in the simulated shop, in a loop that is closed in one process."""
