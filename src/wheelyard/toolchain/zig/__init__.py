"""Cross compilation with Zig's compiler."""
