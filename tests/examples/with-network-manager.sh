#!/bin/sh
# Runs a script in namespaces of its own, as root there, with a real NetworkManager and interface eth0, whose cable
# ends nowhere. Usage: sh with-network-manager.sh SCRIPT
set -eu

if [ "$#" -eq 1 ]; then
  exec unshare --user --map-root-user --net --mount --pid --mount-proc --fork --kill-child sh "$0" "$1" inside
fi

mount -t tmpfs none /run
mkdir -p /run/dbus /run/NetworkManager /run/state
mount --bind /run/state /var/lib/NetworkManager
mount -t tmpfs none /etc/NetworkManager
mkdir /etc/NetworkManager/system-connections
mount -t sysfs -o ro none /sys # read-only: no udev is waited for
cat >/etc/NetworkManager/NetworkManager.conf <<CONFIGURATION
[main]
plugins=keyfile
dns=none
auth-polkit=false
[keyfile]
unmanaged-devices=interface-name:peer0
CONFIGURATION
cat >/run/bus.conf <<CONFIGURATION
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
    <allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
  </policy>
</busconfig>
CONFIGURATION
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set peer0 up

dbus-daemon --config-file=/run/bus.conf --fork --nopidfile --nosyslog
NetworkManager --no-daemon >/run/log 2>&1 &
tries=100
until nmcli general >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ] || ! kill -0 "$!"; then
    cat /run/log >&2
    exit 3
  fi
  sleep 0.1 # it tells nobody when it is there
done
sh -c "$1"
