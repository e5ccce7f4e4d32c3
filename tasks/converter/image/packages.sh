#!/bin/sh
# The distributions of PyPI, with what botocore says of the services that are called, as bytecode:
# packages.sh REQUIREMENTS SERVICES INTO
set -eu
requirements=$1 services=$(sed -e 's/#.*//' "$2") into=$3

# Pure Python all of them (`--only-binary` refuses to build), so they are the same on any processor.
python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
  --no-deps --only-binary :all: --no-compile --target "$into" --requirement "$requirements"
for each in "$into"/botocore/data/*/; do
  case " $(echo $services) " in
    *" $(basename "$each") "*) rm -f "$each"/*/examples-1.json ;;
    *) rm -r "$each" ;;
  esac
done
# What boto3 knows beyond its clients, and commands that nobody runs.
rm -rf "$into/boto3/data" "$into/boto3/examples" "$into/bin"
python3 -m compileall -q --invalidation-mode unchecked-hash "$into"
