"""The Handbook's protocol on its own transactions (Le Borgne et al., 2022)."""
