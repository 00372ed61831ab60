"""What the learned policy knows and how it chooses."""
