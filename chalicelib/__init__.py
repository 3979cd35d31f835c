"""Everything that ships in the function."""
