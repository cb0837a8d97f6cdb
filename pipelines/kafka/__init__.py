"""The broker and its schema registry."""
