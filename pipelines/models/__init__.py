"""Models: train, evaluate, save, load, predict. No Spark."""
