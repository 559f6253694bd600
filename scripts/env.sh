# Source this from bash: . scripts/env.sh
# It gives Python, ROS 2 and this package: a sourced ROS 2 where there is one, else the .venv.
# shellcheck shell=bash

_dynofa_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Put a folder at the front of a path variable, unless it is in there already.
_dynofa_prepend() {
  local current="${!1:-}"
  case ":$current:" in
    *":$2:"*) ;;
    *) export "$1=$2${current:+:$current}" ;;
  esac
}

# The wheels' shared libraries: the loader reads LD_LIBRARY_PATH when a process starts, so the
# wheels re-execute Python to set it, unless told that it is set.
_dynofa_use_wheels() {
  local folder overlay="$_dynofa_root/install/dynofa_ros"
  for folder in "$VIRTUAL_ENV"/lib/python3.*/site-packages/ros_*.libs "$VIRTUAL_ENV/lib"; do
    [[ -d "$folder" ]] && _dynofa_prepend LD_LIBRARY_PATH "$folder"
  done
  export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
  _dynofa_prepend AMENT_PREFIX_PATH "$VIRTUAL_ENV"
  _dynofa_prepend CMAKE_PREFIX_PATH "$VIRTUAL_ENV"
  if [[ -d "$overlay" ]]; then
    _dynofa_prepend AMENT_PREFIX_PATH "$overlay"
    _dynofa_prepend CMAKE_PREFIX_PATH "$overlay"
    _dynofa_prepend LD_LIBRARY_PATH "$overlay/lib"
    _dynofa_prepend PATH "$overlay/bin"
    for folder in "$overlay"/lib/python3.*/site-packages; do
      [[ -d "$folder" ]] && _dynofa_prepend PYTHONPATH "$folder"
    done
  fi
  return 0
}

# colcon's own set-up file; it reads variables that may be unset.
_dynofa_use_overlay() {
  local setup="$_dynofa_root/install/local_setup.bash" flags="$-"
  [[ -f "$setup" ]] || return 0
  set +u
  # shellcheck disable=SC1090
  . "$setup"
  [[ "$flags" != *u* ]] || set -u
}

if [[ -x "$_dynofa_root/.venv/bin/python" ]]; then
  export VIRTUAL_ENV="$_dynofa_root/.venv"
  _dynofa_prepend PATH "$VIRTUAL_ENV/bin"
else
  echo 'env.sh: there is no .venv: run scripts/setup first' >&2
fi
if [[ -n "${ROS_DISTRO:-}" ]]; then
  if [[ -d "$_dynofa_root/.venv/share/rclpy" ]]; then
    echo "env.sh: ROS 2 $ROS_DISTRO is sourced, but .venv was made without it: run scripts/setup" >&2
  fi
  _dynofa_use_overlay
elif [[ -n "${VIRTUAL_ENV:-}" ]]; then
  _dynofa_use_wheels
fi

# A checkout stays on this machine unless the user says otherwise.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
if command -v python3 >/dev/null; then
  eval "$(cd "$_dynofa_root" && python3 -m dynofa_ros.node_environment)"
fi

unset -f _dynofa_prepend _dynofa_use_wheels _dynofa_use_overlay
unset _dynofa_root
