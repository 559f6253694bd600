# Sourced by scripts/setup: what the machine must have before anything is installed into .venv.
# shellcheck shell=bash

print_version='import sys; print(".".join(map(str, sys.version_info[:3])))'

check_platform() {
  [[ "$(uname -s)" == Linux ]] ||
    fail "the platform is $(uname -s)" 'use Linux: Debian 12, Ubuntu 22.04 or 24.04'
  if [[ -z "${ROS_DISTRO:-}" && "$(uname -m)" != x86_64 ]]; then
    fail "ROS 2 as Python wheels exists for x86_64 only; this machine is $(uname -m)" \
      'install ROS 2 Jazzy or newer, source it (. /opt/ros/jazzy/setup.bash), and run this again'
  fi
}

# ROS 2 releases are named alphabetically; Jazzy is the oldest that has all that is used here.
check_ros_distro() {
  [[ -n "${ROS_DISTRO:-}" && "$ROS_DISTRO" < jazzy ]] || return 0
  fail "ROS 2 $ROS_DISTRO is sourced, and Jazzy or newer is needed" \
    'source a newer ROS 2, or none: unset ROS_DISTRO in a fresh shell and ROS 2 Kilted goes into .venv.
    What Humble lacks: ROS_AUTOMATIC_DISCOVERY_RANGE (since Iron), which keeps a run on this machine;
    rclpy add_post_set_parameters_callback (since Iron), which the nodes use; and environment
    variables in Fast DDS profiles (Fast DDS 2.12; Humble has 2.6), without which images get lost.'
}

is_supported_python() {
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

# Set `python` to an interpreter of version 3.10 to 3.13: $PYTHON, else the first that fits.
choose_python() {
  local candidate found=()
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10; do
    if ! command -v "$candidate" >/dev/null; then
      [[ "$candidate" != "${PYTHON:-}" ]] ||
        fail "PYTHON=$PYTHON is not an executable" 'name a Python 3.10 to 3.13, or unset PYTHON'
      continue
    fi
    if is_supported_python "$candidate" && sees_ros "$candidate"; then
      # Outside any active virtual environment: its interpreter may be removed with it.
      python="$("$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))')"
      return
    fi
    found+=("$candidate ($("$candidate" -c "$print_version" 2>/dev/null || echo 'does not run'))")
    [[ "$candidate" != "${PYTHON:-}" ]] || break
  done
  if ((${#found[@]} > 0)); then
    fail "no suitable Python among: ${found[*]}" \
      "install a Python 3.10 to 3.13${ROS_DISTRO:+ that can import rclpy of the sourced ROS 2}, or name one: PYTHON=/path/to/python3 scripts/setup"
  fi
  install_system_packages python3 python3-venv python3-dev
  command -v python3 >/dev/null && is_supported_python python3 ||
    fail 'the system has no Python 3.10 to 3.13' 'install one and name it: PYTHON=/path/to/python3 scripts/setup'
  python="$(command -v python3)"
}

# Whether an interpreter can import the sourced ROS 2; true where none is sourced.
sees_ros() {
  [[ -z "${ROS_DISTRO:-}" ]] || "$1" -c 'import rclpy' 2>/dev/null
}

# Install what PYTHON_PROGRAM and the build need and the machine lacks.
require_system_packages() {
  local missing=() short
  command -v g++ >/dev/null || missing+=(g++)
  command -v make >/dev/null || missing+=(make)
  command -v cmake >/dev/null || missing+=(cmake)
  short="$("$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
  "$1" -c 'import ensurepip, venv' 2>/dev/null || missing+=("$short-venv")
  "$1" -c 'import pathlib, sysconfig, sys
sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").is_file())' ||
    missing+=("$short-dev")
  if [[ -n "${ROS_DISTRO:-}" ]]; then
    command -v colcon >/dev/null || missing+=(python3-colcon-common-extensions)
    local package
    for package in rosidl_default_generators ament_cmake_pytest rmw_fastrtps_cpp sensor_msgs \
      diagnostic_msgs cv_bridge launch_ros; do
      has_ros_package "$package" || missing+=("ros-$ROS_DISTRO-${package//_/-}")
    done
  fi
  ((${#missing[@]} == 0)) || install_system_packages "${missing[@]}"
}

has_ros_package() {
  local prefix IFS=:
  for prefix in ${AMENT_PREFIX_PATH:-}; do
    [[ -d "$prefix/share/$1" ]] && return 0
  done
  return 1
}

install_system_packages() {
  local sudo=() by_hand="apt-get update && apt-get install $*"
  echo "[1/6] system packages needed: $*"
  command -v apt-get >/dev/null ||
    fail '[1/6] there is no apt-get to install them with' "install them in this system's own way: $*"
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail '[1/6] installing them takes root, and there is no sudo' "as root: $by_hand"
    # Ask for the password now: a prompt in the background would not be seen.
    sudo -v || fail '[1/6] sudo refused' "have an administrator run: $by_hand"
    sudo=(sudo -n)
  fi
  run_logged "$log" '[1/6] reading the package lists with apt-get' "${sudo[@]}" apt-get update ||
    fail '[1/6] apt-get update' 'check the network and the package sources, then run it again' "$log"
  run_logged "$log" "[1/6] installing $*" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "$@" ||
    fail "[1/6] installing $*" "install them by hand: $by_hand" "$log"
}

# Change a requirements file for use beside a system's ROS 2: what ROS 2 brings itself (numpy, pytest
# and what is compiled against numpy) is not pinned, so that pip keeps or fits it.
adapt_requirements() {
  "$python" -c 'import numpy; print("numpy==" + numpy.__version__)' \
    >build/constraints.txt 2>/dev/null || : >build/constraints.txt
  grep -vE '^(setuptools|wheel)==' |
    sed -E '/^(torch|rosbags|rosbags-image|ruff|mypy|types-pyyaml)==/! s/==[^ ;]+//'
}
