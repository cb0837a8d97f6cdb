"""Gold tables: answers, upserted at the leaves."""
