"""The tools, one a module: what a model is told of it, what it takes, what it gives, and how it asks the engine."""
