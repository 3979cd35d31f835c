"""Blocks in and out of DynamoDB: where they stand, when they count, and what is read of them."""
