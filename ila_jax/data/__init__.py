"""From files to batches of uint8, and augmentation on the device."""
