"""What this machine gives: files, locks, disks, clocks, signals, systemd. Nothing of the inspector."""
