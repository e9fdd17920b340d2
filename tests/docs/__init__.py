"""The documentation's commands are run, its snippets checked, its pictures made, its site built."""
