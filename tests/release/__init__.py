"""What is in a release, and whether it works where it is installed: the parts of `.ci/release`."""
