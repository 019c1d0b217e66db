#!/bin/sh
# Make a container image out of a Debian root file system: no image registry is needed, only a Debian mirror.
#
#   docker/debian.sh builder [SUITE] [ARCHITECTURE]   compilers, Python headers and BLAS libraries: to build in
#   docker/debian.sh host    [SUITE] [ARCHITECTURE]   python3 and nothing else: to prove in
#
# The image is localhost/wheelyard-KIND:SUITE, with -ARCHITECTURE behind the suite when it is another CPU's. An image
# that was made by the same recipe is left as it is. The same recipe on the same state of the mirror gives the same
# image id: every time stamp is SOURCE_DATE_EPOCH, and the image's configuration is written here.
#
#   ENGINE            podman or docker; default: the first that is there
#   ENGINE_ARGUMENTS  options of the engine, before its command
#   MIRROR            default: the mirror in this machine's own apt sources, else mmdebstrap's default
#   EXTRA_PACKAGES    Debian packages to add, separated by spaces
set -eu

usage() { sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { echo "debian.sh: $*" >&2; exit 1; }

kind=${1-}
suite=${2-bookworm}
native=$(dpkg --print-architecture)
arch=${3-$native}
case $kind in
  builder)
    packages="python3 python3-dev gcc g++ gfortran libc6-dev make patch pkg-config ca-certificates"
    packages="$packages libblas-dev liblapack-dev libblis-dev libopenblas-dev" ;;
  host) packages="python3" ;;
  *) usage ;;
esac
# distutils is apart from Debian's python3, and the oldest pips import it
case $kind-$suite in host-bullseye | host-bookworm) packages="$packages python3-distutils" ;; esac
packages="$packages ${EXTRA_PACKAGES-}"

engine=${ENGINE-}
[ -n "$engine" ] || engine=$(command -v podman || command -v docker) || fail "neither podman nor docker is installed"
engine="$engine ${ENGINE_ARGUMENTS-}"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap"

tag="localhost/wheelyard-$kind:$suite"
if [ "$arch" != "$native" ]; then
  tag="$tag-$arch"
  case $arch in arm64) cpu=aarch64 ;; armhf) cpu=arm ;; ppc64el) cpu=ppc64le ;; *) cpu=$arch ;; esac
  [ -e "/proc/sys/fs/binfmt_misc/qemu-$cpu" ] ||
    fail "programs for $arch do not run here: install qemu-user-static, then update-binfmts --enable qemu-$cpu"
fi

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-315532800}
export SOURCE_DATE_EPOCH
recipe=$({ grep -v '^ *#' "$0"; echo "$kind $suite $arch $packages $SOURCE_DATE_EPOCH"; } | sha256sum | cut -d' ' -f1)
# shellcheck disable=SC2086  # the engine's options are words
if [ "$($engine image inspect --format '{{index .Config.Labels "wheelyard.recipe"}}' "$tag" 2>/dev/null)" = "$recipe" ]
then echo "$tag is there"; exit 0; fi

mirror=${MIRROR-$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  sed -n 's/^Debian Debian //p' | head -n 1)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Documentation, translations and the package manager's caches are of no use in a build; their absence makes the image
# small. What differs from one installation to the next (logs, a machine's id) goes as well.
# shellcheck disable=SC2086  # an empty mirror is no argument
mmdebstrap --quiet --variant=apt --skip=check/qemu --architectures="$arch" --include="$(echo $packages | tr ' ' ,)" \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='force-unsafe-io' \
  --customize-hook='rm -rf "$1"/var/log/* "$1"/var/cache/* "$1"/var/lib/apt/lists/* "$1"/etc/hostname "$1"/etc/resolv.conf' \
  "$suite" "$work/layer.tar" $mirror

# The archive that `load` of podman and of docker reads: one layer, its configuration, and the name.
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
labels="{\"wheelyard.recipe\":\"$recipe\",\"wheelyard.kind\":\"$kind\"}"
settings="{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\"Cmd\":[\"/bin/sh\"],\"Labels\":$labels}"
printf '{"architecture":"%s","os":"linux","created":"%s","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"%s","created_by":"docker/debian.sh %s %s"}]}' \
  "$arch" "$created" "$settings" "$layer" "$created" "$kind" "$suite" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$tag" >"$work/manifest.json"
# shellcheck disable=SC2086
tar -C "$work" -cf - manifest.json config.json layer.tar | $engine load
echo "$tag is made"
