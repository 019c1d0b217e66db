"""Reading what is compiled: ELF and Mach-O objects, without running them."""
