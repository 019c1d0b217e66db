"""Reading other people's indexes - simple API pages and metadata."""
