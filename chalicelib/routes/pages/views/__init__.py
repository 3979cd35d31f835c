"""What pages say, as plain values: made by the handlers, written out by the templates, and by nothing else."""
