"""Programs for ``make`` that try real projects with real tools; their tables are in the docs."""
