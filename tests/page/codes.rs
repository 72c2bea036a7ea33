//! The view of codes.

use crate::browser::{Page, start};

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_listed_and_found_by_number_words_and_provenance() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes").await;

    page.sees("87 of 87 outcomes").await;
    page.fill("Search", "30539").await;
    page.sees("1 of 87 outcomes").await;
    page.sees("NeedConfirm").await;
    page.sees("How to get it").await;
    assert!(page.fragment().await.contains("search=30539"));
    page.fill("Search", "").await;
    page.choose("Known from", "documented").await;
    page.until(
        "return [...document.querySelectorAll('.card')].every((card) => card.innerText.includes('documented'))",
        "only documented codes",
    )
    .await;

    page.go("#/codes?search=30003").await;
    page.sees("2 of 87 outcomes").await;
    assert_eq!(page.value("Search").await, "30003");
    page.click("Arrange ToAccountNotExist").await;
    page.sees("Arrange a code").await;
    assert_eq!(
        page.value("Number, outcome or meaning").await,
        "ToAccountNotExist"
    );
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codes_are_accessible() {
    let emulator = start().await;
    let page = Page::open(&emulator, "#/codes?search=300").await;
    page.sees("of 87 outcomes").await;
    page.check_accessibility().await;
    page.finish().await;
}
