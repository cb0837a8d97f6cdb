"""What every program needs: settings, paths, logs, errors, how it stops and ends; no Spark."""
