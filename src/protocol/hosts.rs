//! The hosts of Tencent's REST API.

/// The host of each region, then the backup host of each, then the host that a document of 2018 names.
/// Documented (doc 1047/34620), except those of Riyadh (`ksa`), which were seen in client code of 2025.
pub const HOSTS: [&str; 19] = [
    "console.tim.qq.com",
    "adminapisgp.im.qcloud.com",
    "adminapikr.im.qcloud.com",
    "adminapijpn.im.qcloud.com",
    "adminapiger.im.qcloud.com",
    "adminapiusa.im.qcloud.com",
    "adminapiidn.im.qcloud.com",
    "adminapiksa.im.qcloud.com",
    "adminapiind.im.qcloud.com",
    "adminapi.my-imcloud.com",
    "adminapisgp.my-imcloud.com",
    "adminapikr.my-imcloud.com",
    "adminapijpn.my-imcloud.com",
    "adminapiger.my-imcloud.com",
    "adminapiusa.my-imcloud.com",
    "adminapiidn.my-imcloud.com",
    "adminapiksa.my-imcloud.com",
    "adminapiind.my-imcloud.com",
    "yun.tim.qq.com",
];
