"""What the tables are: `keys` builds every key, `models` defines every table."""
