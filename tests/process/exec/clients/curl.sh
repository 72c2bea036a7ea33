# shellcheck shell=sh
set -- -sS -H 'Content-Type: application/json' -d '{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]}'
if [ -n "$RESOLVE_TO" ]; then
    set -- "$@" --connect-to "console.tim.qq.com:443:127.0.0.1:$RESOLVE_TO" --cacert "$CURL_CA_BUNDLE"
fi
exec curl "$@" "https://console.tim.qq.com/v4/sns/friend_add?$QUERY"
