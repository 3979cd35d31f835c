"""The `scry` command: sends log files to Scrywatch and asks it questions, from a terminal or a pipe.

It stands on the standard library alone (zstd where Python has it), so that one copied folder is an installation.
"""
