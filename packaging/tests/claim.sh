# shellcheck shell=bash
# What is claimed, and whether it held. Source it; it wants $WORK, $passed and $failed.

# claim WORDS COMMAND…: counts whether the command succeeds.
claim() {
    local words=$1
    shift
    if "$@" >"$WORK/claim.log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$words"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$words"
        tail -n 25 "$WORK/claim.log"
    fi
}

# refuse WORDS COMMAND…: counts whether the command fails.
refuse() {
    local words=$1
    shift
    claim "$words" not "$@"
}

not() { ! "$@"; }
