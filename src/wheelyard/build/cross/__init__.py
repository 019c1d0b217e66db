"""Compiling for other systems, CPUs and C libraries, with Zig."""
