"""Object files inside wheels: ELF and Mach-O."""
