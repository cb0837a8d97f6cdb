"""The live page: what the shop sells and what the streams do."""
