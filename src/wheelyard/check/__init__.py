"""Our own strict reader of wheels."""
