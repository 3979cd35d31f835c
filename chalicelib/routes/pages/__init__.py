"""Pages that people meet: each handler asks `identity` or `events`, makes a view of the answer, and renders it."""
