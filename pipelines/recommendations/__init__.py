"""Recommendations: all of the subject that is not a table. Sessions are folded in features/."""
