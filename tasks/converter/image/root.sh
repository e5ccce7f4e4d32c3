#!/bin/sh
# Lay out the image's own files below a folder: root.sh PACKAGES INTO
#
# Out of packages, and not a base image with things removed: so what a scanner reports concerns
# something that runs. They are Debian's current ones: building again brings its security fixes.
set -eu
packages=$(sed -e 's/#.*//' "$1") into=$2

# Licences stay. No `gconv`: ffmpeg is kept from it anyway (tasks/converter/child.py).
unused='./usr/share/man ./usr/share/locale ./usr/share/info ./usr/share/lintian ./usr/share/bug
  ./usr/share/applications ./usr/share/pixmaps ./usr/share/binfmts ./usr/share/base-files
  ./usr/share/doc/*/changelog* ./usr/share/doc/*/NEWS* ./usr/share/doc/*/README*
  ./usr/share/doc/*/FAQ ./usr/share/doc/*/HISTORY* ./usr/share/doc/*/ACKS*
  ./usr/lib/*/gconv ./usr/lib/*/audit ./usr/lib/python3.11/lib2to3 ./usr/lib/python3.11/pydoc_data
  ./usr/bin/pdb3* ./usr/bin/pydoc3* ./usr/bin/pygettext3* ./usr/sbin ./sbin ./usr/games ./usr/include
  ./usr/src ./boot ./home ./media ./mnt ./opt ./root ./run ./srv ./var'

# One /usr for all, as Debian has it.
mkdir -p "$into/usr/bin" "$into/usr/lib" "$into/var/lib/dpkg" "$into/etc" "$into/tmp" /debs
ln -s usr/bin usr/lib "$into"
cd /debs
# shellcheck disable=SC2086 # a list
apt-get download $packages
set -f
for each in $unused; do echo "$each"; done > /unused
set +f
for deb in *.deb; do
  dpkg-deb --fsys-tarfile "$deb" \
    | tar --extract --keep-directory-symlink --exclude-from /unused --directory "$into"
  # Here scanners look for what is in an image.
  { dpkg-deb --field "$deb" | sed '/^Package:/a Status: install ok installed'; echo; } \
    >> "$into/var/lib/dpkg/status"
done
chmod 1777 "$into/tmp"
ln -s python3.11 "$into/usr/bin/python3"
ln -s python3.11 "$into/usr/bin/python"
echo 'root:x:0:0::/:/nonexistent
converter:x:10001:10001::/tmp:/nonexistent' > "$into/etc/passwd"
echo 'root:x:0:
converter:x:10001:' > "$into/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' > "$into/etc/nsswitch.conf"

# Modules whose library is not among the packages (curses, sqlite, …): none that cannot be loaded is
# left. Python's own tests of its C interface go as well.
rm -f "$into"/usr/lib/python3.11/lib-dynload/*test*.so "$into"/usr/lib/python3.11/lib-dynload/xx*.so
for module in "$into"/usr/lib/python3.11/lib-dynload/*.so; do
  name=$(basename "$module" | cut -d . -f 1)
  chroot "$into" /usr/bin/python3 -c "import $name" 2> /dev/null || rm "$module"
done
# Nobody checks the sources' times when the program starts, and nothing there can change. Forced:
# what the loop above imported is compiled already, and goes by the times.
chroot "$into" /usr/bin/python3 -m compileall -q -f --invalidation-mode unchecked-hash \
  /usr/lib/python3.11
# A library that came to be missing from `packages` must not be found out in a conversion.
chroot "$into" /usr/bin/python3 -c 'import bz2, ctypes, decimal, lzma, resource, ssl, uuid, zlib'
