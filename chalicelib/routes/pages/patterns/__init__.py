"""Patterns of messages: what a stretch of time is full of, what is new in it, what came back."""
