"""The recommender: sessions indexed in plain arrays, transitions, a learned ranker. No Spark."""
