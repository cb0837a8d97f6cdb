"""Silver tables: typed, valid, once each."""
