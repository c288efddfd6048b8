#!/bin/sh
# Installs what building, running and testing LDSeg needs on Debian: a C compiler for the linker and a few codecs, the
# libraries that a window loads at run time, software Vulkan for machines without a GPU, nibabel for one test.
# Safe to run again; needs root or sudo, and the network.
set -eu

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian 12's own software Vulkan (Mesa 22) returns wrong sums without a word; its backports have Mesa 25, which does
# not. The suite is taken from the mirror that the machine uses already.
add_backports() {
    if [ -r /etc/apt/sources.list.d/debian.sources ]; then
        mirror=$(awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
    else
        mirror=$(awk '$1 == "deb" && $3 == "bookworm" { print $2; exit }' /etc/apt/sources.list)
    fi
    [ -n "$mirror" ] || return 0
    printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' \
        "$mirror" /usr/share/keyrings/debian-archive-keyring.gpg |
        as_root tee /etc/apt/sources.list.d/bookworm-backports.sources >/dev/null
}

. /etc/os-release
export DEBIAN_FRONTEND=noninteractive
if [ "${VERSION_CODENAME:-}" = bookworm ]; then
    add_backports
fi
as_root apt-get update -qq
as_root apt-get install -y -qq --no-install-recommends \
    gcc libc6-dev pkg-config python3 python3-nibabel \
    libvulkan1 libegl1 libgl1 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon0 libxkbcommon-x11-0 libxrandr2 \
    libwayland-client0 libwayland-egl1 mesa-vulkan-drivers >/dev/null
if [ "${VERSION_CODENAME:-}" = bookworm ]; then
    as_root apt-get install -y -qq --no-install-recommends -t bookworm-backports mesa-vulkan-drivers >/dev/null ||
        echo "no newer Mesa from the backports: tests of the GPU code may fail" >&2
fi
echo "set up: $(dpkg-query -W -f '${Package} ${Version}' mesa-vulkan-drivers)"
