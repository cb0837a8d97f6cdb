"""The fold of sessions, compiled, without Spark."""
