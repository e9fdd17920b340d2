"""Tests in network namespaces: `han` makes the machines, and `outside` and `inside` let a test run among them."""
