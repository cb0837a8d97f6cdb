"""Recommendations: all of the subject that is not a table. Sessions are folded in features/, and
models are built and loaded in model/.
"""
