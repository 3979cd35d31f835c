"""What drives a stranger's client each: programs of their own, which import nothing of the project."""
