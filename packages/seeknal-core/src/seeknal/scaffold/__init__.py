"""What seeknal writes to begin with: projects to start from, and drafts of nodes."""
