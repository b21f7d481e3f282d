"""The versioned messages that the services exchange. The services share nothing else."""
