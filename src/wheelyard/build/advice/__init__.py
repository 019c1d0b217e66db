"""What to install when a build fails for want of it: from a build's log to a package's name, ready to paste."""
