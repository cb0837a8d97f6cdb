"""One file = one spark-submit; the name is a verb; read → transform → write."""
