"""One small wrong for each promise about security and storage, and the test of that promise that must notice it."""
