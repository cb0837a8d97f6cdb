"""Next item: what predicts the next product of public sessions, by the published protocol."""
