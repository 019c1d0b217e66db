"""Serving a wheelhouse: an application of its own, and configuration for nginx, Apache and Caddy."""
