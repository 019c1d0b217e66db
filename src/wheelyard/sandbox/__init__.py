"""Where other people's code runs: without network, without secrets, in its own folders."""
