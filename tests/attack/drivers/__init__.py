"""What drives a stranger's tool each: programs of their own, which import nothing of the project."""
