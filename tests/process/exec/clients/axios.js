const base = require("./resolve");
const axios = require("axios");

const body = { From_Account: "id", AddFriendItem: [{ To_Account: "id1" }] };
axios
  .post(`${base}/v4/sns/friend_add?${process.env.QUERY}`, body)
  .then((answer) => console.log(JSON.stringify(answer.data)));
