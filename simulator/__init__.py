"""The shop: sessions, orders, payments, frauds and stock, invented or replayed, sent to Kafka."""
