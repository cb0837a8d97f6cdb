"""The online store (Valkey): its client, and records that survive a batch done twice."""
