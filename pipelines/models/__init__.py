"""The life of a model version, whichever model: registered, published, served. No Spark."""
