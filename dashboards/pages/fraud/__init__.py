"""The risk team's page: what to review, how well decisions hold as labels mature, and whether
scores drift.
"""
