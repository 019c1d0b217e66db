"""Pages for people: search, projects, targets, the matrix, and pictures of sizes, builds and dependencies."""
