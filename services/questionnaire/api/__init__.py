"""Routes, and what they take and give."""
