"""What compiles for a target, and the target's Python."""
