#!/bin/sh
# Build ffmpeg and ffprobe out of `components` and nothing else: ffmpeg.sh SOURCE COMPONENTS INTO
#
# What encodes is linked statically (Debian's own archives), so that the two programs need of the
# image the C library and zlib alone. Not the C library too: a static one crashes on the character
# sets that an MPEG transport stream names (tasks/converter/child.py).
set -eu
source=$1 components=$2 into=$3
linked="libmp3lame libogg libopus libvorbis libvorbisenc"

mkdir -p /build && tar --extract --file "$source" --directory /build --strip-components=1
for each in $linked; do
  find /usr/lib -name "$each.so" -delete  # what is left is the archive
done
cd /build
# One word each: --enable-demuxer=aac,ac3 …
set -- $(sed -e 's/#.*//' -e '/^ *$/d' -e 's/^/--enable-/' "$components")
./configure --disable-everything "$@" \
  --disable-autodetect --disable-doc --disable-debug \
  --disable-avdevice --disable-postproc --disable-swscale --disable-ffplay \
  --enable-libmp3lame --enable-libopus --enable-libvorbis --enable-zlib \
  --pkg-config-flags=--static --enable-pic \
  --extra-cflags='-fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2' \
  --extra-ldexeflags='-pie -Wl,-z,relro,-z,now' \
  || { tail -20 ffbuild/config.log; exit 1; }
make --jobs "$(nproc)" ffmpeg ffprobe

install -D --strip --target-directory "$into/usr/bin" ffmpeg ffprobe
install -D --mode 644 --target-directory "$into/usr/share/doc/ffmpeg" COPYING.LGPLv2.1 CREDITS
# For the SBOM: the archives' packages, which nothing in the image shows any more.
mkdir /facts
for each in libmp3lame-dev libogg-dev libopus-dev libvorbis-dev; do
  dpkg-query --show --showformat '${Package} ${Version} ${Architecture} ${source:Package}\n' "$each"
  install -D --mode 644 "/usr/share/doc/$each/copyright" "$into/usr/share/doc/$each/copyright"
done > /facts/linked
