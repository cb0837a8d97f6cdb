"""The HTTP API: asked at the checkout, answers what the stream would say of a payment, and changes
nothing. Never Spark.
"""
