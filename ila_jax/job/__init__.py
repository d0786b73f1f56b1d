"""What any long run needs: a lock, stopping, processes, devices, batches and a heartbeat."""
