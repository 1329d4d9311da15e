"""The pages: they call the public HTTP APIs as any client could, and keep nothing of their own."""
