# shellcheck shell=bash
# What is claimed, and whether it held. Source it after scripts/lib.sh; it makes $WORK, which whoever sources it removes, and
# counts in $passed and $failed.

WORK=$(mktemp -d)
readonly WORK
passed=0
failed=0

# Of this run alone: whatever is compiled beside it, all claims are of one `pack`.
readonly PACK=$WORK/pack

# take_pack: the one that was built last.
take_pack() { cp "$TARGET/debug/pack" "$PACK"; }

pack() { "$PACK" "$@"; }

# claim WORDS COMMAND…: counts whether the command succeeds.
claim() {
    local words=$1
    shift
    if "$@" >"$WORK/claim.log" 2>&1; then
        held "$words"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$words"
        tail -n 25 "$WORK/claim.log"
    fi
}

held() {
    passed=$((passed + 1))
    printf 'ok      %s\n' "$1"
}

# refuse WORDS COMMAND…: counts whether the command fails.
refuse() {
    local words=$1
    shift
    claim "$words" not "$@"
}

# refused WORDS ANSWER COMMAND…: counts whether the command fails and says why, in words that the expression ANSWER fits.
refused() { claim "$1" fails_with "${@:2}"; }

fails_with() {
    local answer=$1 status=0
    "${@:2}" >"$WORK/answer.log" 2>&1 || status=$?
    cat "$WORK/answer.log"
    ((status != 0)) && grep -qE -- "$answer" "$WORK/answer.log"
}

not() { ! "$@"; }

# is_empty COMMAND…: whether the command says nothing, and ends as one that could look.
is_empty() {
    local found
    found=$("$@") || return
    [[ ! $found ]] || not printf '%s\n' "$found"
}
