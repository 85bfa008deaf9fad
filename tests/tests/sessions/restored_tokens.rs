//! A token that was spent already and comes back: from a backup, or from a program that rewrites what
//! it has read before.

use tests::sso_world::json_file;
use tests::{SsoWorld, eventually};

use crate::support::write;

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_that_comes_back_is_replaced_by_the_newest() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in_long_ago();
    let spent = std::fs::read(world.token_path()).expect("a token");
    let proxy = world.start().await;
    world.served(&proxy).await;
    let renewed = json_file(&world.token_path()).expect("a token");
    write(&world.token_path(), &spent);
    eventually("the renewed token is back", async || {
        json_file(&world.token_path()).as_ref() == Some(&renewed)
    })
    .await;
    assert_eq!(world.refreshes_tried(), 1);
    drop(proxy);

    // Else the next process would spend it again, and the session would be lost.
    let proxy = world.start().await;
    world.served(&proxy).await;
    assert_eq!(world.signal(), None);
}
