"""The folds of cards, devices and sellers, compiled, without Spark."""
