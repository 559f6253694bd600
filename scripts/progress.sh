# Sourced by the other scripts: run a command and show that it is alive.
# shellcheck shell=bash

# run_logged LOG MESSAGE COMMAND...
# The output goes to LOG. A terminal shows the elapsed time and the last line of it in place;
# anything else gets a line every 5 s. Returns the command's exit status.
run_logged() {
  local log="$1" message="$2" started=$SECONDS next=5 status=0 pid
  shift 2
  printf '\n=== %s\n' "$message" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  # A background command ignores Ctrl-C; end it with this script.
  # shellcheck disable=SC2064
  trap "kill $pid 2>/dev/null || true; printf '\ninterrupted: run it again to continue\n' >&2; exit 130" INT TERM
  echo "$message ..."
  while kill -0 "$pid" 2>/dev/null; do
    if [[ -t 1 ]]; then
      printf '\r\033[K      %d s  %.70s' "$((SECONDS - started))" "$(last_line "$log")"
    elif ((SECONDS - started >= next)); then
      printf '      %d s  %.90s\n' "$((SECONDS - started))" "$(last_line "$log")"
      next=$((next + 5))
    fi
    sleep 0.3
  done
  wait "$pid" || status=$?
  trap - INT TERM
  [[ -t 1 ]] && printf '\r\033[K'
  ((status != 0)) || echo "      done in $((SECONDS - started)) s"
  return "$status"
}

# The last line of a file that is not empty, without control characters.
last_line() {
  tail -n 5 "$1" 2>/dev/null | tr -d '\000-\010\013-\037' | grep -v '^[[:space:]]*$' | tail -n 1 || true
}

# fail WHAT HINT [LOG]: say which step failed, why, and what to do; then stop.
fail() {
  {
    echo
    echo "FAILED: $1"
    if [[ -n "${3:-}" ]]; then
      echo "Why (the end of $3):"
      tail -n 20 "$3" | sed 's/^/    /'
    fi
    echo "What to do: $2"
  } >&2
  exit 1
}
