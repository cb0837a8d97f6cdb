"""Score a payment at the checkout."""
