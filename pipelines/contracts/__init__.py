"""What a record looks like: schemas, the frame around it, and Spark's expressions for both; no
network.
"""
