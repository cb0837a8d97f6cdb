"""What a visitor may want next: products for a session, and products that go with a product."""
