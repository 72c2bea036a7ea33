// Calls as code: for a terminal, for Python and for Node.js. Each needs only the standard library of its language.

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

/** The body of a recorded call as a text. A body that is not JSON is recorded as a text. */
export function bodyOf(request, indent) {
  return typeof request === "string" ? request : JSON.stringify(request, null, indent);
}

/** A recorded call as a test for pytest, which makes an own UserSig and expects the same codes. */
export function asTest({ sdkappid, command, query, request, response }) {
  const identifier = new URLSearchParams(query).get("identifier");
  const items = Array.isArray(response?.ResultItem) ? response.ResultItem : [];
  const codes = Object.fromEntries(items.map((item) => [item.To_Account ?? item.UserID, item.ResultCode]));
  const checkItems = items.length
    ? `\n    found = {item.get("To_Account", item.get("UserID")): item["ResultCode"] for item in answer["ResultItem"]}
    assert found == json.loads(${literal(JSON.stringify(codes))})`
    : "";
  const token = hasToken() ? `, "Authorization": "Bearer " + os.environ["${TOKEN}"]` : "";
  return `import json
${token && "import os\n"}import urllib.parse
import urllib.request

EMULATOR = ${literal(location.origin)}


def send(path, body):
    headers = {"Content-Type": "application/json"${token}}
    call = urllib.request.Request(EMULATOR + path, body.encode(), headers)
    with urllib.request.urlopen(call) as answer:
        return json.load(answer)


def test_${(command ?? "call").split("/").pop()}():
    identifier = ${literal(identifier ?? "")}
    made = send("/_emulator/v1/apps/${sdkappid}/user_sig", json.dumps({"identifier": identifier}))
    query = urllib.parse.urlencode({
        "sdkappid": ${sdkappid},
        "identifier": identifier,
        "usersig": made["usersig"],
        "random": 1,
        "contenttype": "json",
    })

    body = ${literal(bodyOf(request))}
    answer = send("/v4/${command}?" + query, body)

    assert answer["ErrorCode"] == ${response?.ErrorCode ?? 0}${checkItems}
`;
}

/** A recorded call as a test for a shell, which compares all codes of the answer. */
export function asCurlTest({ sdkappid, command, query, request, response }) {
  const identifier = new URLSearchParams(query).get("identifier") ?? "";
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
  --data-raw ${quoted(bodyOf(request))})
test "$(printf %s "$answer" | grep -oE '"(ErrorCode|ResultCode)":[0-9]+')" = ${quoted(codes.join("\n"))}
`;
}
