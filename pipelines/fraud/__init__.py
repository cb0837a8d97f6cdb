"""Fraud: all of the subject that is not a table."""
