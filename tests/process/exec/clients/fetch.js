const base = require("./resolve");

fetch(`${base}/v4/sns/friend_add?${process.env.QUERY}`, {
  method: "POST",
  body: JSON.stringify({ From_Account: "id", AddFriendItem: [{ To_Account: "id1" }] }),
})
  .then((answer) => answer.text())
  .then(console.log);
