"""What may enter the yard: declared rules, what is known of a file, and one judge of it. No network is asked."""
