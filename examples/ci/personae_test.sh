#!/bin/sh
# Tests a script against a Personae server of its own. Copy this file, and replace titles with what
# you want to test. Needs curl, and personae in the PATH.
set -eu

# The admin key of servers for tests. It opens nothing else.
key=psk_0000000000000000000keyforTestsWithNoSecret003Hwyko

url=${PERSONAE_SERVER:-}
if [ -z "$url" ]; then
	folder=$(mktemp -d)
	mkfifo "$folder/out"
	personae serve --ephemeral --demo --listen 127.0.0.1:0 --key "$key" \
		--clock 2027-01-01T00:00:00Z --log-level error >"$folder/out" &
	server=$!
	trap 'kill -9 "$server" 2>/dev/null; rm -rf "$folder"' EXIT
	while read -r word address _; do # until it serves
		if [ "$word" = Serving ]; then
			url=${address%,}
			break
		fi
	done <"$folder/out"
fi
: "${url:?personae did not start: see its messages above}"

call() { # call PATH [CURL ARGUMENT...]
	path=$1
	shift
	curl --silent --show-error --fail-with-body --header "api_key: $key" "$@" "$url/api/v2/$path"
}

# The code under test: the job titles that mean a persona.
titles() { call "persona/get?oId=$1" | grep -o '"commonJobTitles":\[[^]]*\]'; }

expect() { # expect WHAT TEXT WANTED
	case $2 in
	*"$3"*) echo "ok: $1" ;;
	*)
		echo "FAILED: $1: $2" >&2
		exit 1
		;;
	esac
}

expect "titles of the demo library" "$(titles demo-vp-of-sales)" '"Head of Sales"'

made=$(call persona/create --json '{"name": "Head of Support", "commonJobTitles": ["Support Lead"]}' |
	sed 's/.*"data":{"oId":"\([^"]*\)".*/\1/')
expect "titles of a persona that the test makes" "$(titles "$made")" '["Support Lead"]'

expect "titles of nobody" "$(call 'persona/get?oId=nobody' 2>/dev/null || true)" '"code":"persona_not_found"'
