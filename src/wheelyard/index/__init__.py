"""Writing the wheelhouse - pool, target folders, simple index."""
