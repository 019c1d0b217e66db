"""What stands before the compilers of every build, local or in a container: it leaves out what means this machine.

A wheel that was compiled by ``-march=native`` dies on an older CPU than the builder's. ``-s`` is taken for ``-S``, and
``strip`` for ``strip -g``: what is compiled here is judged by the level of its functions, and keeps their names for it.

All is made inside the sandbox, by the shell that every image has, where the build's own search path is known.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_SAID = re.compile(r"^wheelyard: left out: ([\w=. -]{1,400})$", re.MULTILINE)
_TAIL = 1 << 20

# Called by the compiler's own name, it starts the next one of that name on the search path.
_COMPILER = r"""#!/bin/sh
own=${0%/*} name=${0##*/} last=
wrong='-(march|mtune|mcpu|tp)=(native|host)|-x(Host|HOST|host)'
for each do
  shift
  case $each in
    -march=native|-mtune=native|-mcpu=native|-tp=native|-tp=host|-xHost|-xHOST|-xhost)
      echo "$each" >>"$WHEELYARD_LEFT_OUT"; continue ;;
    target-cpu=native|-Ctarget-cpu=native)
      echo "$each" >>"$WHEELYARD_LEFT_OUT"; each=${each%native}generic ;;
    -s) case $name in *strip) continue ;; esac
      [ "$last" = -Xlinker ] && each=-S || each=-Wl,-S ;;
    -x|--strip-all|--strip-unneeded|--discard-all)
      case $name in *strip) continue ;; esac ;;
    -Wl,*,-s|-Wl,*,-s,*|-Wl,-s|-Wl,-s,*|-Wl,*--strip-all*)
      each=$(printf '%s\n' "$each" | sed 's/,-s,/,-S,/g;s/,-s$/,-S/;s/--strip-all/--strip-debug/g') ;;
    @*) file=${each#@}
      if [ -f "$file" ] && grep -Eq -e "$wrong" "$file"; then
        grep -Eo -e "$wrong" "$file" >>"$WHEELYARD_LEFT_OUT"
        sed -E "s/$wrong//g" "$file" >"$own/.arguments-$$"
        each=@$own/.arguments-$$
      fi ;;
  esac
  last=$each
  set -- "$@" "$each"
done
case $name in *strip) set -- -g "$@" ;; esac
IFS=:
for folder in $PATH; do
  [ "$folder" = "$own" ] || [ ! -x "$folder/$name" ] || exec "$folder/$name" "$@"
done
echo "$name: not found" >&2
exit 127
"""

GUARD = r"""
tools=$TMPDIR/compilers
rm -rf "$tools"; mkdir -p "$tools/.empty" || exit 1
cat >"$tools/.compiler" <<'END OF COMPILER'
@@COMPILER@@END OF COMPILER
chmod 755 "$tools/.compiler"
names='cc:*-cc:icc:*gcc:*gcc-[0-9]*:c++:c89:c99:*g++:*g++-[0-9]*:*clang:*clang-[0-9]*:*clang++:*clang++-[0-9]*'
names=$names:*gfortran:*gfortran-[0-9]*:f77:f95:icpc:icx:icpx:ifort:ifx:rustc
[ ! -d /proc/self ] || names=$names:*strip
before=$IFS here=$PWD; IFS=:
cd "$tools/.empty" || exit 1
for folder in $PATH; do
  for name in $names; do
    for file in "$folder"/$name; do
      [ ! -x "$file" ] || [ -e "$tools/${file##*/}" ] || ln -s .compiler "$tools/${file##*/}"
    done
  done
done
IFS=$before
cd "$here" || exit 1
PATH=$tools:$PATH WHEELYARD_LEFT_OUT=$tools/.left-out; export PATH WHEELYARD_LEFT_OUT
"$@"; code=$?
[ ! -s "$WHEELYARD_LEFT_OUT" ] || echo "wheelyard: left out: $(sort -u "$WHEELYARD_LEFT_OUT" | head -n 9 | tr '\n' ' ')"
exit $code
""".replace("@@COMPILER@@", _COMPILER)
"""A shell script that runs the command it is given with guarded compilers; ``TMPDIR`` is a folder that it may write."""


def left_out(log: Path) -> tuple[str, ...]:
    """Return what the compilers of a build were asked for and did not get, by the end of its log."""
    if not log.exists():
        return ()
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
        said = _SAID.findall(stream.read().decode(errors="replace"))
    return tuple(sorted({word for line in said for word in line.split()}))
