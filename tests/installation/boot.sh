#!/bin/sh
# Boots systemd in the namespaces that this runs in, on a copy of this system that is written to in memory alone.
# boot.sh PREFIX BASE SOURCE OUT: what is bound to /opt/venv, /opt/base, /opt/source and /opt/out there.
# Ends when systemd does; /opt/out/probe is what it runs.
set -e
mount --make-rprivate /
room=$4/room
mkdir "$room"
mount -t tmpfs tmpfs "$room"
mkdir "$room/upper" "$room/work" "$room/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" "$room/root"
new=$room/root
mount -t proc proc "$new/proc"
mount --rbind /dev "$new/dev"
mount -t sysfs -o ro sysfs "$new/sys"
mount -t tmpfs tmpfs "$new/run"
mount -t tmpfs tmpfs "$new/sys/fs/cgroup"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
else
  mkdir "$new/sys/fs/cgroup/unified" "$new/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd cgroup "$new/sys/fs/cgroup/systemd"
fi
mkdir -p "$new/opt/venv" "$new/opt/base" "$new/opt/source" "$new/opt/out"
mount --bind "$1" "$new/opt/venv"
mount --bind "$2" "$new/opt/base"
mount --bind "$3" "$new/opt/source"
mount --bind "$4" "$new/opt/out"
cp "$4/smgwproxy" "$new/opt/smgwproxy"
chmod 755 "$new/opt/smgwproxy"

# Nothing that a whole system starts: it would clean directories, and set what this kernel has but once.
mount --bind "$new/proc/sys" "$new/proc/sys"
mount -o remount,bind,ro "$new/proc/sys"
for target in sysinit sockets timers paths basic; do
  for unit in "$new"/usr/lib/systemd/system/$target.target.wants/* "$new"/etc/systemd/system/$target.target.wants/*; do
    ln -sf /dev/null "$new/etc/systemd/system/${unit##*/}"
  done
done
printf '[Unit]\nDescription=A test\nWants=probe.service\n' >"$new/etc/systemd/system/probe.target"
cat >"$new/etc/systemd/system/probe.service" <<'UNIT'
[Unit]
DefaultDependencies=no

[Service]
Type=oneshot
ExecStart=/opt/out/probe
ExecStopPost=/bin/systemctl --force --force poweroff
StandardOutput=file:/opt/out/said
StandardError=inherit
TimeoutStartSec=60
UNIT

cd "$new"
mkdir -p old
pivot_root . old
export container=other
exec chroot . sh -c 'umount -l /old && mount --make-rshared / && exec "$@"' sh /lib/systemd/systemd --system --unit=probe.target --log-target=null --show-status=0
