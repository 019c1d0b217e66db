#!/bin/sh
# Show that a bundle of sources is enough: build a list here, pack it with its sources and Wheelyard itself, import that
# in a container without a network that has only Python and a compiler, build it there, and compare every wheel.
#
#   docker/rebuild.sh [LIST]       default: requirements/demo.in; on Debian bookworm, whose image the container is made from
#
#   ENGINE    podman or docker; default: the first that is there
set -eu
list=$(realpath "${1-requirements/demo.in}")
here=$(realpath "$(dirname "$0")/..")
engine=${ENGINE-$(command -v podman || command -v docker)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

"$here/docker/debian.sh" builder bookworm
# The system's own Python: the same as in the image, so that the same compiler flags make the same bytes.
/usr/bin/python3 -m venv "$work/tool"
"$work/tool/bin/python" -m pip install --quiet --disable-pip-version-check -e "$here"
mkdir "$work/yard" "$work/disk"
cp "$list" "$work/yard"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
cp "$work/key.pub" "$work/disk"
name=$(basename "$list")
(cd "$work/yard" && "$work/tool/bin/wheelyard" build "$name" --key "$work/key" &&
  "$work/tool/bin/wheelyard" pack --sources --config "$name" --self --key "$work/key" --to "$work/disk/bundle.tar")

cat >"$work/disk/closed.sh" <<EOF
set -eux
cd /root
tar -xf /disk/bundle.tar --wildcards --strip-components=1 '*/import.py'
python3 -I import.py /disk/bundle.tar --into site --trust /disk/key.pub
python3 -I site/current/wheelyard/install.py --quiet --venv tool --trust /disk/key.pub
mkdir yard && cd yard
../tool/bin/wheelyard init --from-sources ../site
../tool/bin/wheelyard build $name
for side in wheelhouse ../site/current; do (cd \$side/targets && sha256sum */*.whl) > \$(basename \$side).sums; done
diff wheelhouse.sums current.sums
cat wheelhouse.sums
EOF
limits="--ulimit nofile=$(ulimit -Sn):$(ulimit -Hn) --ulimit nproc=4096:4096"
# shellcheck disable=SC2086  # the limits are words: podman's own are above what a restricted root may have
"$engine" run --rm --network none $limits -v "$work/disk:/disk:ro" localhost/wheelyard-builder:bookworm sh /disk/closed.sh
echo "every wheel is the same, byte for byte"
