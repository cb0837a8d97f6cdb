"""Train, calibrate, measure, load, verify and ask fraud models, and choose their thresholds,
without Spark.
"""
