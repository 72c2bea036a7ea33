"""Calls an emulator with the client that was generated from its openapi.json."""

import sys

from emulator_client import Client
from emulator_client.api.control import (
    get_requests,
    get_requests_count,
    post_apps,
    post_apps_sdkappid_pending_from_to,
    post_faults,
    put_apps_sdkappid_accounts_user,
)
from emulator_client.api.sns import friend_add
from emulator_client.models import (
    AccountDocumentInput,
    Action,
    AddFriendItem,
    FaultDocumentInput,
    FriendAddRequest,
    FriendResponse,
    NewApp,
    Problem,
)

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)

# Three control routes.
app = post_apps.sync(client=client, body=NewApp(accounts=["alice", "bob", "carol"]))
changed = put_apps_sdkappid_accounts_user.sync(
    app.sdkappid,
    "dave",
    client=client,
    body=AccountDocumentInput.from_dict({"allow_type": "AllowType_Type_NeedConfirm", "friends": ["bob"]}),
)
assert changed.friends[0].to == "bob", changed
armed = post_faults.sync(
    client=client,
    body=FaultDocumentInput(sdkappid=app.sdkappid, to_account="carol", times=1, result_code="Internal"),
)
assert armed.left == 1, armed
refused = post_faults.sync(client=client, body=FaultDocumentInput(command="freind_add", code=30006))
assert isinstance(refused, Problem) and refused.errors[0].pointer == "/command", refused

# friend_add.
answer = friend_add.sync(
    client=client,
    sdkappid=app.sdkappid,
    identifier="administrator",
    usersig=app.usersig,
    random=99999999,
    contenttype="json",
    body=FriendAddRequest(
        from_account="alice",
        add_friend_item=[
            AddFriendItem(to_account=to, add_source="AddSource_Type_Web") for to in ("bob", "carol", "dave")
        ],
    ),
)
assert answer.error_code == 0, answer
assert [item.result_code for item in answer.result_item] == [0, 30006, 30539], answer
assert answer.fail_account == ["carol", "dave"], answer

responded = post_apps_sdkappid_pending_from_to.sync(
    app.sdkappid, "alice", "dave", client=client, body=Action(action=FriendResponse.AGREE)
)
assert not isinstance(responded, Problem), responded
calls = get_requests.sync(client=client, sdkappid=app.sdkappid, command="friend_add")
assert calls.count == 1 and calls.calls[0].from_account == "alice", calls
assert get_requests_count.sync(client=client, sdkappid=app.sdkappid, code=30006).count == 1

print("done")
