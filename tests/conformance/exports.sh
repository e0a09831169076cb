#!/usr/bin/env bash
# What the built files ask for and offer: libtally.so exports tally_* only, libtally.a defines nothing else globally,
# and tally needs libc and nothing more (not under a sanitizer, which adds its own library).
set -eu
sanitizer=${1:-}
cd "$TALLY_BUILD_DIR"
failed=0
fail() { printf 'FAIL: %s\n' "$*"; failed=1; }

exported=$(nm -D --defined-only lib/libtally.so | awk '{print $3}')
[ -n "$exported" ] || fail "libtally.so exports nothing"
others=$(grep -v '^tally_' <<<"$exported" || true)
[ -z "$others" ] || fail "libtally.so exports more than tally_*:" $others

members=$(ar t lib/libtally.a | wc -l)
[ "$members" -eq 1 ] || fail "libtally.a has $members members, not one"
# Sanitizers define __odr_asan.* and the like for their own use.
others=$(nm -g --defined-only lib/libtally.a | awk 'NF == 3 {print $3}' | grep -vE '^(tally_|__)' || true)
[ -z "$others" ] || fail "libtally.a defines globals other than tally_*:" $others

# Every function of the public headers is really there, and the other way round.
declared=$(cat "$TALLY_SOURCE_DIR"/lib/include/tally/*.h | tr '\n' ' ' | grep -oE 'TALLY_API [^;{]*' |
  grep -oE '\btally_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u)
missing=$(comm -23 <(printf '%s\n' "$declared") <(sort -u <<<"$exported"))
[ -z "$missing" ] || fail "declared in lib/include/tally and not in libtally.so:" $missing
undeclared=$(comm -13 <(printf '%s\n' "$declared") <(sort -u <<<"$exported"))
[ -z "$undeclared" ] || fail "in libtally.so and not declared TALLY_API in lib/include/tally:" $undeclared

if [ -z "$sanitizer" ] && [ -x bin/tally ]; then
  needed=$(ldd bin/tally | awk '{print $1}' | grep -vE '^(linux-vdso\.so|libc\.so|libm\.so|/lib.*/ld-linux)' || true)
  [ -z "$needed" ] || fail "tally needs more than libc:" $needed
fi
[ "$failed" -eq 0 ] && echo "exports: $(wc -l <<<"$exported") functions, all tally_*"
exit "$failed"
