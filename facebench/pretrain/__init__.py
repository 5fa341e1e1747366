"""Learning: packed faces, batched augmentation, and the training engine."""
