"""The tested library behind the jobs: tables, features, models and the few modules that touch the
outside.
"""
