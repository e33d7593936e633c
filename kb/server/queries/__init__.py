"""What the pages ask of a database beyond `kb.search.lookups`: plain SQL over a connection for reading."""
