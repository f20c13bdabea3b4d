"""What was taken: one format, whoever wrote it, and what is read from it."""
