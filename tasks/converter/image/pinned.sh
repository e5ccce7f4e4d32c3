#!/bin/sh
# Install Debian packages at exact versions: pinned.sh SNAPSHOT PACKAGE=VERSION…
#
# A mirror of Debian has one version of a package, and drops it for the next. An older one, which
# going back to an older release of this repository asks for, is in the archive as it was on a day.
set -eu
snapshot=$1
shift
install="apt-get install --yes --no-install-recommends"

$install "$@" && exit
echo "The mirror has other versions by now: taking them from $snapshot" >&2
host=${snapshot#*://}
# Its signatures are as old as it is. What the packages depend on has to be as old, too.
echo "deb [check-valid-until=no] $snapshot bookworm main" > /etc/apt/sources.list.d/snapshot.list
printf 'Package: *\nPin: origin "%s"\nPin-Priority: 1001\n' "${host%%/*}" \
  > /etc/apt/preferences.d/snapshot
apt-get update
$install --allow-downgrades "$@"
