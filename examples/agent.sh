#!/usr/bin/env bash
# An agent in bash over one plain WebSocket: each prompt is the input of a program, whose output is the answer.
#
#     apt-get install jq                 # and bash 4 or newer
#     FLEETWIRE_TOKEN=... examples/agent.sh shouter tr a-z A-Z
#
# It runs one prompt at a time and supports only http://; for https:// use a proxy, or agent.py. This file follows the rules
# of packages/protocol/SPEC.md. It keeps its state in memory: if commands must not run twice, use `fleetwire agent exec` with
# its --journal.
set -u
export LC_ALL=C # lengths are bytes

[ $# -ge 2 ] || { echo "usage: agent.sh <agentId> <program> [argument...]" >&2; exit 2; }
name=$1; shift
program=("$@")
url=${FLEETWIRE_URL:-http://127.0.0.1:3000}
token=${FLEETWIRE_TOKEN:?mint one: fleetwire token --role agent --sub $name}
unset FLEETWIRE_TOKEN # the program must not get it
[[ $url =~ ^http://([^/:]+)(:([0-9]+))?(/.*)?$ ]] || { echo "FLEETWIRE_URL: only http:// is supported, not $url" >&2; exit 2; }
host=${BASH_REMATCH[1]} port=${BASH_REMATCH[3]:-80} path=${BASH_REMATCH[4]:-}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/nothing" && exec 4<>"$dir/nothing" # reading it with a timeout is a sleep that needs no process

boot=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') # identifies this run of the process, within which frames are numbered
n=0 acked=0 sent=0                                  # the last frame number created, stored by the server, sent
declare -A frames                                   # numbered frames that the server may not have stored yet
declare -A attempts outcomes                        # by command: its attempt, and its outcome once it has ended
running='' pid='' offset=0 interrupted=''           # the running command, its process, how much output was reported
beat=10 next_beat=0 leaving='' failures=0

# ---- the socket: clients must mask their frames, and a mask of zeros changes nothing

send() { # opcode text
  local bytes=${#2} head
  if ((bytes < 126)); then head=$(printf '\\x%02x' $((0x80 | bytes)))
  elif ((bytes < 65536)); then head=$(printf '\\xfe\\x%02x\\x%02x' $((bytes >> 8)) $((bytes & 255)))
  else head=$(printf '\\xff\\x0\\x0\\x0\\x0\\x%02x\\x%02x\\x%02x\\x%02x' $((bytes >> 24)) $((bytes >> 16 & 255)) $((bytes >> 8 & 255)) $((bytes & 255))); fi
  { printf "\\x8$1$head\\x0\\x0\\x0\\x0"; printf %s "$2"; } >&3
}

number() { # byte count: reads that many bytes as one number
  local value=0 byte
  for byte in $(head -c "$1" <&3 | od -An -tu1); do value=$((value << 8 | byte)); done
  echo "$value"
}

receive() { # sets opcode and text; fails if the connection is closed
  local head bytes
  head=$(head -c 2 <&3 | od -An -tu1)
  [ -n "$head" ] || return 1
  set -- $head
  opcode=$(($1 & 15)) bytes=$2
  case $bytes in 126) bytes=$(number 2) ;; 127) bytes=$(number 8) ;; esac
  text=$(head -c "$bytes" <&3)
}

connect() {
  { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || return 1
  printf '%s\r\n' "GET $path/agent HTTP/1.1" "Host: $host:$port" 'Connection: Upgrade' 'Upgrade: websocket' \
    'Sec-WebSocket-Version: 13' "Sec-WebSocket-Key: $(head -c 16 /dev/urandom | base64)" \
    "Authorization: Bearer $token" '' >&3
  local status line
  IFS= read -r -t 10 status <&3 || return 1
  while IFS= read -r -t 10 line <&3 && [ "$line" != $'\r' ]; do :; done
  case $status in
    *' 101 '*) return 0 ;;
    *' 401 '* | *' 403 '*) echo "the server refused this token: ${status%$'\r'}" >&2; exit 4 ;;
    *) return 1 ;;
  esac
}

# ---- sending

report() { # type payload: numbers a frame, which is sent until the server has stored it
  n=$((n + 1))
  frames[$n]="{\"type\":\"$1\",\"n\":$n,\"payload\":$2}"
}
of_command() { # commandId [more, as jq]
  local more='{}'
  [ $# -lt 2 ] || more=$2
  jq -nc --arg c "$1" --argjson a "${attempts[$1]}" "{commandId: \$c, attempt: \$a} + $more"
}
of_message() { # [more, as jq]
  local more='{}'
  [ $# -lt 1 ] || more=$1
  jq -nc --arg c "$running" --arg s "$session" "{sessionId: \$s, messageId: \$c, commandId: \$c} + $more"
}

flush() {
  while ((sent < n)); do
    sent=$((sent + 1))
    [ -z "${frames[$sent]:-}" ] || send 1 "${frames[$sent]}"
  done
}

hello() {
  local inventory='[]' id
  for id in "${!attempts[@]}"; do
    inventory=$(jq -c --arg c "$id" --argjson a "${attempts[$id]}" --arg s "${outcomes[$id]:+finished}" \
      '. + [{commandId: $c, attempt: $a, state: (if $s == "" then "running" else $s end)}]' <<<"$inventory")
  done
  send 1 "{\"type\":\"agent:connect\",\"payload\":{\"kind\":\"bash\",\"capabilities\":{\"kinds\":[\"prompt\"]},\"maxConcurrency\":1,\"bootId\":\"$boot\",\"inventory\":$inventory}}"
}

# ---- receiving

field() { jq -r "$1 // empty" <<<"$text"; }

dispatched() {
  local id attempt kind rerun
  read -r id attempt kind rerun < <(field '.payload | "\(.commandId) \(.attempt) \(.kind) \(.rerun)"')
  if [ -n "${attempts[$id]:-}" ] && [ "$rerun" != true ]; then # a redelivery: do not run it twice
    attempts[$id]=$attempt
    report command:ack "$(of_command "$id")"
    [ -z "${outcomes[$id]:-}" ] || report command:result "$(of_command "$id" "${outcomes[$id]}")"
  elif [ "$kind" != prompt ] || [ -n "$running$leaving" ]; then
    local reason=busy
    [ "$kind" = prompt ] || reason=unsupported
    report command:reject "{\"commandId\":\"$id\",\"attempt\":$attempt,\"reason\":\"$reason\"}"
  else
    attempts[$id]=$attempt outcomes[$id]='' running=$id offset=0 interrupted=''
    # At once: a server that gets no report for a while sends the command as another attempt.
    report command:ack "{\"commandId\":\"$id\",\"attempt\":$attempt}"
    flush
    session=$(field '.payload.sessionId // .payload.commandId')
    report message:start "$(of_message)"
    jq -r '.payload.input | if type == "string" then . else tojson end' <<<"$text" >"$dir/input"
    : >"$dir/output"
    # In its own process group, so that all its processes can be stopped.
    set -m
    "${program[@]}" <"$dir/input" >"$dir/output" 2>"$dir/error" 3>&- 4>&- &
    pid=$!
    set +m
  fi
}

interrupt() { # commandId [signal]
  [ -n "$running" ] && [ "$1" = "$running" ] || return 0
  interrupted=yes
  kill "-${2:-TERM}" -- "-$pid" 2>/dev/null
}

heard() {
  case $(field .type) in
    connection:established)
      acknowledged "$(field .payload.ackedN)"
      sent=$acked failures=0 beat=$(($(field .payload.heartbeatMs) / 1000))
      echo "agent $name is connected" >&2
      while read -r id action; do
        case $action in
          cancel) interrupt "$id" ;;
          forget) [ "$id" = "$running" ] && interrupt "$id" || unset "attempts[$id]" "outcomes[$id]" ;;
          resend) [ -z "${outcomes[$id]:-}" ] || report command:result "$(of_command "$id" "${outcomes[$id]}")" ;;
        esac
      done < <(field '.payload.directives[] | "\(.commandId) \(.action)"')
      ;;
    command:dispatch) dispatched ;;
    command:interrupt) interrupt "$(field .payload.commandId)" "$(field 'if .payload.force then "KILL" else "TERM" end')" ;;
    heartbeat) for id in $(field '.payload.cancel[]'); do interrupt "$id"; done ;; # until the command has ended
    report:ack) acknowledged "$(field .payload.n)" ;;
    error) echo "the server says: $(field .payload.message)" >&2 ;;
  esac
}

acknowledged() {
  while ((acked < $1)); do
    acked=$((acked + 1))
    unset "frames[$acked]"
  done
}

# ---- the running program

told() { # reports everything, or only whole lines, since a character may be half written
  local piece
  while :; do
    piece=$(tail -c "+$((offset + 1))" "$dir/output" | head -c 16384 | tr -d '\0'; echo .)
    piece=${piece%.}
    if [[ $piece == *$'\n'* ]]; then piece=${piece%$'\n'*}$'\n'
    elif [ "$1" = lines ] && ((${#piece} < 16384)); then return; fi
    [ -n "$piece" ] || return 0
    offset=$((offset + ${#piece}))
    report message:delta "$(of_message "{delta: $(printf %s "$piece" | jq -Rs .)}")"
  done
}

watch() {
  [ -n "$running" ] || return 0
  local state=running code
  kill -0 "$pid" 2>/dev/null || state=ended
  if [ $state = running ]; then told lines; return; fi
  wait "$pid" 2>/dev/null
  code=$?
  told all
  report message:end "$(of_message)"
  if [ -n "$interrupted" ]; then outcomes[$running]='{status: "cancelled"}'
  elif [ $code = 0 ]; then outcomes[$running]="{status: \"succeeded\", output: $(head -c 16000 "$dir/output" | jq -Rs .)}"
  else outcomes[$running]="{status: \"failed\", exitCode: $code, error: $(tail -c 2000 "$dir/error" | jq -Rs .)}"; fi
  report command:result "$(of_command "$running" "${outcomes[$running]}")"
  running=''
}

leave() { # stops the command; the main loop then says goodbye and waits until that is stored
  leaving=yes
  interrupt "$running"
}
trap leave TERM INT
trap : PIPE # a closed connection is noticed when reading from it
said_goodbye=''

# ---- connecting and reconnecting

while :; do
  if connect; then
    hello
    next_beat=0 last_heard=$SECONDS
    while :; do
      watch
      if [ -n "$leaving" ] && [ -z "$running" ]; then
        [ -n "$said_goodbye" ] || report agent:exit '{"reason":"stopped"}'
        said_goodbye=yes
        ((acked < n)) || { send 8 $'\x03\xe8'; exit 0; }
      fi
      # Do not send reports before the server has said which it has stored.
      ((next_beat == 0)) || flush
      if ((next_beat != 0 && SECONDS >= next_beat)); then
        next_beat=$((SECONDS + beat))
        send 1 "{\"type\":\"heartbeat\",\"payload\":{\"running\":[${running:+\"$running\"}]}}"
      fi
      ((SECONDS < last_heard + 90)) || break # the server pings more often than that
      # `read -t 0` checks whether there is something to read.
      read -r -t 0 -u 3 || { read -r -t 0.05 -u 4; continue; }
      receive || break
      last_heard=$SECONDS
      case $opcode in
        1) heard; ((next_beat != 0)) || next_beat=$((SECONDS + beat)) ;;
        8) # the codes for which docs/close-codes.md says `stop`, and 4401: there is no other token to try
          code=$(printf %s "$text" | od -An -N2 -tu1 | awk '{ print $1 * 256 + $2 }')
          case $code in 4000 | 4401 | 4403 | 4409 | 4413) echo "the server closed the connection with code $code" >&2; exit 4 ;; esac
          break ;;
        9) send a "$text" ;;
      esac
    done
    exec 3>&-
  fi
  [ -z "$leaving" ] || exit 1
  failures=$((failures < 6 ? failures + 1 : 6))
  sleep "$(awk -v seed="$RANDOM" -v most="$((1 << failures))" 'BEGIN { srand(seed); print 0.25 + rand() * most / 4 }')"
done
