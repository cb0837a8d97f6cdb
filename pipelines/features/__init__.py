"""Feature folds: one definition for training, stream and API. NumPy and Numba, no Spark."""
