import os

import httpx
import resolve  # noqa: F401

answer = httpx.post(
    "https://console.tim.qq.com/v4/sns/friend_add?" + os.environ["QUERY"],
    json={"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]},
)
print(answer.text)
