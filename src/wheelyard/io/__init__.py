"""The only code with side effects - subprocesses (run), files (files) and HTTP (http)."""
