#!/usr/bin/env bash
# A launcher of a compiler: runs it, and prints how many seconds of processor time it took.

TIMEFORMAT='processor seconds: %U'
time "$@"
