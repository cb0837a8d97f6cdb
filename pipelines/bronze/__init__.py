"""Bronze tables: every record as it came."""
