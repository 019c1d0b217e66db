"""From an sdist to a wheel - build requirements, sandboxes, containers, the ready queue."""
