"""What `smgwproxy install` makes of a machine, and `uninstall` takes away again.

- pure ones: `layout` (where everything lies), `unitfile` (systemd's syntax), `unit` (the unit that is written),
  `original` (what a unit of the original proxy asks for), `configuration` (the configuration that is written),
  `steps` (what can be done, and how it is told), `plan` and `removal` (from what was found to the steps).
- `tree`: the files below a root directory, safely for root; `survey` finds out what is there; `carrying` does it.
"""
