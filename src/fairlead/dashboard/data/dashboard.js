// Placeholder until the scripts are written.
