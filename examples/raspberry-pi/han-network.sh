#!/bin/sh
# Gives the interface at the gateway's HAN port its address, and nothing else: no gateway, no default route, no DNS.
# A NetworkManager profile is made (Raspberry Pi OS 12 and newer), which outlives a restart. Can be run again.
#
# Usage: sudo sh han-network.sh [INTERFACE [ADDRESS/LENGTH]]
# The address is a free one in the gateway's subnet, and not the gateway's own.
set -eu

interface=${1:-eth0}
address=${2:-10.11.120.1/24}
profile=smgw-han

run() {
  echo "+ $*"
  "$@"
}

refuse() {
  echo "han-network.sh: $*" >&2
  exit 1
}

case $address in
  */*) ;;
  *) refuse "$address has no length: give it as $address/24" ;;
esac
if ! command -v nmcli >/dev/null; then
  refuse "nmcli is not installed: this machine's network is not NetworkManager's"
fi
if ! ip link show dev "$interface" >/dev/null 2>&1; then
  refuse "there is no interface $interface: see 'ip -brief link' for those that there are"
fi
# A cable that leads to the router, or the only way into this machine.
if [ -n "$(ip -4 route show default dev "$interface")$(ip -6 route show default dev "$interface")" ]; then
  refuse "$interface leads to the internet: plug its cable into the gateway's HAN port, and use WLAN for the rest"
fi

# link-local: some gateways answer mDNS there; no router's announcement makes a default route.
set -- \
  connection.interface-name "$interface" \
  connection.autoconnect yes \
  connection.autoconnect-priority 10 \
  ipv4.method manual \
  ipv4.addresses "$address" \
  ipv4.gateway '' \
  ipv4.routes '' \
  ipv4.never-default yes \
  ipv4.dns '' \
  ipv4.ignore-auto-dns yes \
  ipv6.method link-local \
  ipv6.addresses '' \
  ipv6.gateway '' \
  ipv6.never-default yes \
  ipv6.dns '' \
  ipv6.ignore-auto-dns yes

if nmcli connection show "$profile" >/dev/null 2>&1; then
  run nmcli connection modify "$profile" "$@"
else
  run nmcli connection add type ethernet con-name "$profile" "$@"
fi

if run nmcli --wait 20 connection up "$profile"; then
  run ip -brief address show dev "$interface"
  run ip route show dev "$interface"
else
  echo "The profile is kept, and takes effect once the cable is plugged into the gateway's HAN port."
fi
