"""The values that travel between the stages: frozen, and nothing of ours is imported here."""
