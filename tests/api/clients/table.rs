//! The table of published clients: a row has the requests that the client's code writes (2026-11).

/// The friend_add requests of a client.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// `$app`, `$admin` and `$sig` are placeholders.
    pub(crate) query: &'static str,
    /// The encoding of `*` in a UserSig.
    pub(crate) star: &'static str,
    /// All headers except the body's length; without a Content-Type here, the client sends none.
    pub(crate) headers: &'static [&'static str],
    pub(crate) sending: Sending,
    /// `$from` and `$items` are placeholders for the account and the list.
    pub(crate) body: &'static str,
    /// `$to` is the placeholder for the account.
    pub(crate) item: &'static str,
    /// The Remark of its items; `None` also for `""` and `null`.
    pub(crate) remark: Option<&'static str>,
    /// The GroupName of its items.
    pub(crate) group: Option<&'static str>,
}

/// How a body is sent.
#[derive(Clone, Copy)]
pub(crate) enum Sending {
    /// Whole, with Content-Length.
    Whole,
    /// In chunks.
    Chunked,
    /// After `100 Continue`.
    Expecting,
}

/// The query in the page's order. Several clients repeat the same `random`.
const QUERY: &str = "sdkappid=$app&identifier=$admin&usersig=$sig&random=42&contenttype=json";

const JSON: &str = "Content-Type: application/json";
const CONSOLE: &str = "Host: console.tim.qq.com";

/// The requests of most clients.
const USUAL: Client = Client {
    name: "",
    query: QUERY,
    star: "*",
    headers: &[CONSOLE, JSON],
    sending: Sending::Whole,
    body: r#"{"From_Account":"$from","AddFriendItem":[$items]}"#,
    item: r#"{"To_Account":"$to","AddSource":"AddSource_Type_Web"}"#,
    remark: None,
    group: None,
};

/// All clients. A row takes from `USUAL` what the client does like most clients.
pub(crate) const CLIENTS: [Client; 18] = [
    Client {
        name: "tencentcloud_im 0.9.4, Python",
        star: "%2A",
        headers: &[
            "Host: 127.0.0.1:8080",
            "Accept: */*",
            "Accept-Encoding: gzip, deflate",
        ],
        body: r#"{"From_Account": "$from", "AddFriendItem": [$items], "AddType": "Add_Type_Both", "ForceAddFlags": 1}"#,
        item: r#"{"To_Account": "$to", "AddSource": "AddSource_Type_Web", "Remark": "", "GroupName": ""}"#,
        ..USUAL
    },
    Client {
        name: "timsdk 1.1.12, Python: one random for ever, no Content-Type",
        headers: &[CONSOLE, "Accept: */*", "Connection: keep-alive"],
        item: r#"{"To_Account": "$to", "AddSource": "AddSource_Type_Web", "Remark": "\ud83d\ude00", "AddWording": "\u4f60\u597d"}"#,
        remark: Some("😀"),
        ..USUAL
    },
    Client {
        name: "tencent_im_rs 1.0.4, Rust: leaves out all that is not set, no User-Agent",
        headers: &[
            "host: adminapisgp.im.qcloud.com",
            "content-type: application/json",
            "accept: */*",
        ],
        item: r#"{"To_Account":"$to"}"#,
        ..USUAL
    },
    Client {
        name: "tcloud-im-api 0.2.1, Rust",
        item: r#"{"To_Account":"$to","Remark":null,"GroupName":null,"AddSource":"AddSource_Type_Web","AddWording":null}"#,
        ..USUAL
    },
    Client {
        name: "axios 1.7.9, Node",
        headers: &[
            CONSOLE,
            "Accept: application/json, text/plain, */*",
            JSON,
            "User-Agent: axios/1.7.9",
            "Accept-Encoding: gzip, compress, deflate, br",
            "Connection: keep-alive",
        ],
        item: r#"{"To_Account":"$to","Remark":"老王😀","GroupName":"Classmates","AddSource":"AddSource_Type_Web","AddWording":"I'm Test1"}"#,
        remark: Some("老王😀"),
        group: Some("Classmates"),
        ..USUAL
    },
    Client {
        name: "Node's fetch with a text body",
        headers: &[
            CONSOLE,
            "connection: keep-alive",
            "content-type: text/plain;charset=UTF-8",
            "accept: */*",
            "accept-language: *",
            "sec-fetch-mode: cors",
            "user-agent: node",
            "accept-encoding: gzip, deflate",
        ],
        ..USUAL
    },
    Client {
        name: "tencentcloud-im-sdk-java 1.0.7, Tencent's: random first, and negative",
        query: "random=-1146285466&usersig=$sig&sdkappid=$app&identifier=$admin&contenttype=json",
        headers: &[
            "Accept: application/json",
            "Content-Type: application/json; charset=utf-8",
            "Host: 127.0.0.1:8080",
            "Connection: Keep-Alive",
            "Accept-Encoding: gzip",
            "User-Agent: OpenAPI-Generator/1.0.7/java",
        ],
        ..USUAL
    },
    Client {
        name: "doocs qcloud-im-server-sdk-java 0.4.20",
        headers: &[
            "User-Agent: QcloudImServerSdkJava",
            "Content-Type: application/json; charset=utf-8",
            "Host: adminapiusa.im.qcloud.com",
            "Connection: Keep-Alive",
            "Accept-Encoding: gzip",
        ],
        ..USUAL
    },
    Client {
        name: "hiwepy tencentapi-spring-boot-starter, Java: random is a UUID",
        query: "identifier=$admin&random=0f8fad5bd9cb469fa16570867728950e&sdkappid=$app&usersig=$sig&contenttype=json",
        headers: &[
            "Content-Type: application/json;charset=UTF-8",
            CONSOLE,
            "Connection: Keep-Alive",
            "Accept-Encoding: gzip",
        ],
        ..USUAL
    },
    Client {
        name: "dobyte tencent-im 0.1.1, Go: one connection a call",
        headers: &[
            "Host: adminapiger.im.qcloud.com",
            "User-Agent: DobyteHttpClient",
            "Connection: close",
            JSON,
        ],
        body: r#"{"From_Account":"$from","AddFriendItem":[$items],"AddType":"Add_Type_Both","ForceAddFlags":0}"#,
        ..USUAL
    },
    Client {
        name: "d60-Lab tencent-im 0.2.0, Go",
        headers: &[
            "Host: 127.0.0.1:8080",
            "User-Agent: Go-http-client/1.1",
            JSON,
            "Accept-Encoding: gzip",
        ],
        body: r#"{"From_Account":"$from","AddFriendItem":[$items],"AddType":"Add_Type_Single","ForceAddFlags":1}"#,
        ..USUAL
    },
    Client {
        name: "xjcloudy tencent-im-restapi-go: no random, text/plain, From_Account last",
        query: "contenttype=json&identifier=$admin&sdkappid=$app&usersig=$sig",
        star: "%2A",
        headers: &[
            CONSOLE,
            "User-Agent: Go-http-client/1.1",
            "Content-Type: text/plain",
            "Accept-Encoding: gzip",
        ],
        body: r#"{"AddFriendItem":[$items],"AddType":"Add_Type_Both","ForceAddFlags":0,"From_Account":"$from"}"#,
        item: r#"{"AddSource":"AddSource_Type_Web","AddWording":"","GroupName":"","Remark":"","To_Account":"$to"}"#,
        ..USUAL
    },
    Client {
        name: "wen-gg tencentcloud-im-sdk-php 1.0.6: random last",
        query: "sdkappid=$app&identifier=$admin&usersig=$sig&contenttype=json&random=3000000000",
        star: "%2A",
        headers: &[
            "User-Agent: OpenAPI-Generator/1.0.6/PHP",
            "Host: 127.0.0.1:8080",
            "Accept: application/json",
            JSON,
        ],
        ..USUAL
    },
    Client {
        name: "fireqong tencent-im 1.0, PHP: no Content-Type, no Accept",
        star: "%2A",
        headers: &[CONSOLE, "User-Agent: GuzzleHttp/7"],
        ..USUAL
    },
    Client {
        name: "imsdk_restapi-nodejs-sdk, Tencent's of 2016: chunked, no random, no Content-Type",
        query: "usersig=$sig&identifier=$admin&sdkappid=$app&contenttype=json",
        headers: &[CONSOLE, "Connection: keep-alive"],
        sending: Sending::Chunked,
        ..USUAL
    },
    Client {
        name: "ImServerSDK, Node: random has 21 digits",
        query: "sdkappid=$app&identifier=$admin&usersig=$sig&random=179500000000012345678&contenttype=json",
        headers: &[
            "Accept: application/json, text/plain, */*",
            JSON,
            CONSOLE,
            "User-Agent: axios/0.21.1",
        ],
        ..USUAL
    },
    Client {
        name: "imsdk_restapi-php-sdk, Tencent's of 2016: a form, it says, and 100-continue",
        query: "usersig=$sig&identifier=$admin&sdkappid=$app&contenttype=json",
        headers: &[
            CONSOLE,
            "Accept: */*",
            "Content-Type: application/x-www-form-urlencoded",
        ],
        sending: Sending::Expecting,
        ..USUAL
    },
    Client {
        name: "chinayin qcloud-im-sdk-php 1.0.1",
        star: "%2A",
        headers: &[
            "Host: adminapikr.im.qcloud.com",
            JSON,
            "User-Agent: QcloudImSdkPhp/1.0.1",
        ],
        item: r#"{"To_Account":"$to","Remark":"","AddSource":"AddSource_Type_Web","AddWording":""}"#,
        ..USUAL
    },
];
