// Calls as code: for a terminal, for Python and for Node.js. Each needs only the standard library of its language.

import { callerOf, itemsOf } from "./answer.js";
import { hasToken } from "./api.js";

/** Where a test reads the control token, if the emulator wants one: the emulator itself reads it there, too. */
const TOKEN = "EMULATOR__CONTROL__TOKEN";

/** A text in single quotes for a shell. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A text as a literal of Python or JavaScript. */
const literal = (text) => JSON.stringify(text);

export function asCurl(url, body) {
  return `curl ${quoted(url)} \\\n  -H 'Content-Type: application/json' --data-raw ${quoted(body)}`;
}

export function asPython(url, body) {
  return `import json
import urllib.request

body = ${literal(body)}
call = urllib.request.Request(${literal(url)}, body.encode(), {"Content-Type": "application/json"})
with urllib.request.urlopen(call) as answer:
    print(json.load(answer))
`;
}

export function asNode(url, body) {
  return `const answer = await fetch(${literal(url)}, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: ${literal(body)},
});
console.log(await answer.json());
`;
}

/** A recorded call as a test for pytest, which makes a UserSig of its own and expects the same codes. */
export function asTest(call, body) {
  const { sdkappid, command, response } = call;
  const token = hasToken() ? `, "Authorization": "Bearer " + os.environ["${TOKEN}"]` : "";
  const codes = Object.fromEntries(itemsOf(response).map(({ account, ResultCode: code }) => [account, code]));
  const list = Object.keys(response).find((name) => itemsOf({ [name]: response[name] }).length > 0);
  const checkItems = list
    ? `\n    found = {item.get("To_Account", item.get("UserID")): item["ResultCode"] for item in answer[${literal(list)}]}
    assert found == json.loads(${literal(JSON.stringify(codes))}), answer`
    : "";
  return `import json
${token && "import os\n"}import urllib.parse
import urllib.request

EMULATOR = ${literal(location.origin)}


def send(path, body):
    headers = {"Content-Type": "application/json"${token}}
    call = urllib.request.Request(EMULATOR + path, body.encode(), headers)
    with urllib.request.urlopen(call) as answer:
        return json.load(answer)


def test_${command.split("/").pop()}():
    identifier = ${literal(callerOf(call))}
    made = send("/_emulator/v1/apps/${sdkappid}/user_sig", json.dumps({"identifier": identifier}))
    query = urllib.parse.urlencode({
        "sdkappid": ${sdkappid},
        "identifier": identifier,
        "usersig": made["usersig"],
        "random": 1,
        "contenttype": "json",
    })

    body = ${literal(body)}
    answer = send("/v4/${command}?" + query, body)

    assert answer["ErrorCode"] == ${response.ErrorCode}, answer${checkItems}
`;
}

/** A recorded call as a test for a shell, which compares all codes of the answer. */
export function asCurlTest(call, body) {
  const { sdkappid, command, response } = call;
  const identifier = callerOf(call);
  const codes = JSON.stringify(response).match(/"(ErrorCode|ResultCode)":\d+/g) ?? [];
  const values = new URLSearchParams({ sdkappid, identifier, random: 1, contenttype: "json" });
  const token = hasToken() ? ` -H "Authorization: Bearer $${TOKEN}"` : "";
  const headers = `-H 'Content-Type: application/json'${token}`;
  return `set -eu
emulator=${quoted(location.origin)}
made=$(curl -sS "$emulator/_emulator/v1/apps/${sdkappid}/user_sig" ${headers} \\
  --data-raw ${quoted(JSON.stringify({ identifier }))})
usersig=$(printf %s "$made" | sed 's/.*"usersig":"\\([^"]*\\).*/\\1/')
answer=$(curl -sS "$emulator/v4/${command}?usersig=$usersig&"${quoted(values.toString())} ${headers} \\
  --data-raw ${quoted(body)})
test "$(printf %s "$answer" | grep -oE '"(ErrorCode|ResultCode)":[0-9]+')" = ${quoted(codes.join("\n"))} || {
  echo "$answer" >&2
  exit 1
}
`;
}
