"""A knowledge base of claims from Markdown posts, in one SQLite file."""
