"""What operators do to any table: balance, repair, upkeep."""
