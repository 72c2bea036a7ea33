//! The builder, and the end of an emulator that is dropped.

use super::{AccountSeed, Control, add, call};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;
use tencent_chat_emulator::config::{AppConfig, Config, Sources};
use tencent_chat_emulator::protocol::user_sig::SecretKey;
use tencent_chat_emulator::{AllowType, Emulator, SdkAppId};

fn id(number: u32) -> SdkAppId {
    SdkAppId::new(number).expect("not 0")
}

#[tokio::test]
async fn seeds_are_accounts_of_the_first_app_at_the_start_and_after_a_reset() {
    let emulator = Emulator::builder()
        .seed("ann", AccountSeed::new().friend("bob"))
        .seed("cat", AccountSeed::new().allow_type(AllowType::DenyAny))
        .seed("dan", AccountSeed::new().friend("x"))
        .seed("dan", AccountSeed::new())
        .start()
        .await
        .expect("good seeds");
    let (app, control) = (emulator.default_app(), Control::of(&emulator));
    assert_eq!(app.sdkappid(), id(88_888_888));
    assert_eq!(
        emulator.control_url(),
        format!("{}/_emulator/v1", emulator.url())
    );
    for _ in 0..2 {
        assert_eq!(
            add(&app, "bob", &["ann", "cat", "dan"]).await,
            [30001, 30516, 0]
        );
        let dan = control.get("/apps/88888888/accounts/dan").await.ok();
        assert_eq!(dan["friends"][0]["to"], "bob");
        emulator.reset().await;
    }
}

#[tokio::test]
async fn an_app_replaces_the_built_in_one_and_joins_those_of_a_configuration() {
    let app = AppConfig {
        secret_key: SecretKey::new("k").expect("not empty"),
        ..AppConfig::default()
    };
    let emulator = Emulator::builder()
        .app(id(9), app.clone())
        .app(id(7), app.clone())
        .seed("ann", AccountSeed::new())
        .start()
        .await
        .expect("good apps");
    assert_eq!(emulator.default_app().sdkappid(), id(7));
    assert!(emulator.app(id(88_888_888)).is_none());
    assert!(emulator.default_app().account("ann").await.is_ok());
    let nine = emulator.app(id(9)).expect("it is configured");
    assert!(nine.account("ann").await.is_err());
    assert_eq!(nine.secret_key(), "k");

    let config = Config::load(&Sources::default()).expect("the defaults are good");
    let emulator = Emulator::builder().config(config).app(id(9), app);
    let emulator = emulator.start().await.expect("good apps");
    assert!(emulator.app(id(9)).is_some() && emulator.app(id(88_888_888)).is_some());
}

#[tokio::test]
async fn a_file_is_read_and_its_errors_and_those_of_seeds_are_named() {
    let folder = tempfile_dir();
    let file = folder.join("emulator.toml");
    std::fs::write(
        &file,
        "listen = \"127.0.0.1:1\"\n[apps.7]\nsecret_key = \"k\"\nadmins = [\"root\"]\n",
    )
    .expect("writable");
    let emulator = Emulator::builder().config_file(&file).start().await;
    let emulator = emulator.expect("a good file, and its port is not used");
    assert_eq!(emulator.default_app().admin().as_str(), "root");
    assert_ne!(emulator.addr().port(), 1);

    std::fs::write(&file, "nope = 1\n").expect("writable");
    let error = Emulator::builder().config_file(&file).start().await;
    let error = error.expect_err("an unknown key").to_string();
    assert!(error.contains(":1: nope is unknown"), "{error}");
    std::fs::remove_dir_all(folder).expect("it is ours");
    for (user, seed, message) in [
        ("é", AccountSeed::new(), "seed é: \"é\" should be a UserID"),
        (
            "ann",
            AccountSeed::new().friend("é"),
            "seed ann: /friends/0/to should be a UserID",
        ),
        (
            "ann",
            AccountSeed::new().friend("ann"),
            "apps.88888888.accounts.ann.friends.0 is the account itself",
        ),
    ] {
        let error = Emulator::builder().seed(user, seed).start().await;
        let error = error.expect_err(message);
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

fn tempfile_dir() -> std::path::PathBuf {
    let name = format!("tencent-chat-emulator-builder-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("writable");
    folder
}

#[tokio::test]
async fn a_given_address_is_bound_and_free_soon_after_the_drop() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let addr: SocketAddr = free.local_addr().expect("an address");
    drop(free);
    let emulator = Emulator::builder().listen(addr).start().await;
    let emulator = emulator.expect("the port is free");
    assert_eq!(emulator.addr(), addr);
    let app = emulator.default_app();
    call(&app, "friend_get", &json!({"From_Account": "ann"})).await;
    let taken = Emulator::builder().listen(addr).start().await;
    let taken = taken.expect_err("the port is in use");
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);

    // A handle does not keep the emulator running.
    drop(emulator);

    let is_free = async {
        while TcpListener::bind(addr).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let freed = tokio::time::timeout(Duration::from_secs(20), is_free).await;
    freed.expect("the port is free after the drop");
    assert_eq!(app.faults().list().len(), 0);
}

/// Eight emulators at once, each in a runtime of its own, as parallel tests have it.
#[test]
fn emulators_in_parallel_do_not_disturb_each_other() {
    let run = |number: u32| async move {
        let emulator = Emulator::builder()
            .seed("ann", AccountSeed::new())
            .seed("bob", AccountSeed::new())
            .start()
            .await
            .expect("a port is free");
        let app = emulator.default_app();
        emulator.clock().hold(None);
        for round in 0..number {
            let expected = if round == 0 { 0 } else { 30001 };
            assert_eq!(add(&app, "ann", &["bob"]).await, [expected]);
        }
        emulator
            .clock()
            .advance(Duration::from_secs(u64::from(number)));
        assert_eq!(emulator.requests().count(), Ok(number as usize));
        emulator.stop().await;
    };
    std::thread::scope(|scope| {
        for number in 1..=8 {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().build().expect("a runtime");
                runtime.block_on(run(number));
            });
        }
    });
}
