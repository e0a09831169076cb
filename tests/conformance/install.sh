#!/usr/bin/env bash
# Install into an empty prefix, then build a user's program against it in each of the ways that are promised:
# pkg-config (shared, static), CMake package, C and C++.
set -eu
sanitizer=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$TALLY_BUILD_DIR" --prefix "$work/usr" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

for path in bin/tally sbin/tallyd include/tally/err.h include/tally/verify.h share/tally/policies/default.yaml \
    share/tally/policies/default.cases.yaml share/tally/policies/default.persons.yaml; do
  case $path in                                # a program that this tree does not build yet is not asked for
    bin/tally) [ -e "$TALLY_SOURCE_DIR/tools/tally/main.c" ] || continue ;;
    sbin/tallyd) [ -e "$TALLY_SOURCE_DIR/node/main.c" ] || continue ;;
  esac
  [ -e "$work/usr/$path" ] || { echo "FAIL: $path is not installed"; exit 1; }
done

cat >"$work/user.c" <<'C'
#include <stdio.h>
#include <tally/err.h>
#include <tally/verify.h>
int main(void)
{
    struct tally_hash leaf;
    tally_leaf_hash("x", 1, &leaf);
    /* A tree of one leaf: its root is the leaf. */
    const enum tally_err err = tally_verify_inclusion(&leaf, 0, 1, NULL, 0, &leaf);
    printf("%s\n", tally_err_name(err));
    return (int)err;
}
C
cp "$work/user.c" "$work/user.cpp"
config=$(dirname "$(find "$work/usr" -name tally.pc)")
library=$(dirname "$(find "$work/usr" -name libtally.so)")
export PKG_CONFIG_PATH=$config LD_LIBRARY_PATH=$library

run() { # name, program
  [ "$("$2")" = OK ] || { echo "FAIL: $1"; exit 1; }
  echo "$1: works"
}
# A sanitized library asks the same sanitizer of its user; the compilers' flags are then not those of pkg-config alone.
flags=()
if [ "$sanitizer" = address ]; then flags=(-fsanitize=address,undefined); fi
if [ "$sanitizer" = thread ]; then flags=(-fsanitize=thread); fi
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$TALLY_BUILD_DIR/CMakeCache.txt")
compiler_cxx=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$TALLY_BUILD_DIR/CMakeCache.txt")

"$compiler" -Wall -Wextra -Werror "${flags[@]}" "$work/user.c" -o "$work/shared" $(pkg-config --cflags --libs tally)
run "C, shared library by pkg-config" "$work/shared"
"$compiler_cxx" -Wall -Wextra -Werror "${flags[@]}" "$work/user.cpp" -o "$work/plus" $(pkg-config --cflags --libs tally)
run "C++, shared library by pkg-config" "$work/plus"
"$compiler" "${flags[@]}" "$work/user.c" -o "$work/static" $(pkg-config --cflags tally) "$library/libtally.a" \
  $(pkg-config --static --libs-only-l tally | sed 's/-ltally\b//')
run "C, libtally.a" "$work/static"

cat >"$work/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(tally REQUIRED)
foreach(kind tally static)
  add_executable(user_${kind} user.c)
  target_link_libraries(user_${kind} PRIVATE tally::${kind})
endforeach()
C
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/usr" -DCMAKE_C_COMPILER="$compiler" \
  -DCMAKE_C_FLAGS="${flags[*]:-}" >"$work/log" 2>&1 && cmake --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
run "C, CMake package, tally::tally" "$work/build/user_tally"
run "C, CMake package, tally::static" "$work/build/user_static"
