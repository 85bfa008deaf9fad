//! The stand-in for a public index.

use http::header::ACCEPT;
use simulated_aws::packages::Wheel;
use simulated_aws::{Fault, Operation, PublicIndex};

use super::http::Call;

#[tokio::test]
async fn whoever_asks_is_on_record_be_it_there_or_not() {
    let index = PublicIndex::start().await.unwrap();
    let wheel = Wheel::new("requests", "2.0");
    index.put_wheel(&wheel);
    let page = format!("{}/requests/", index.index_url());
    let json = Call::get(&page).header(ACCEPT, "application/vnd.pypi.simple.v1+json");
    let json = json.send().await.json();
    let url = json["files"][0]["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://{}/", index.files_host())));
    assert_eq!(Call::get(url).send().await.body.unwrap(), wheel.bytes());
    let html = Call::get(&page).send().await.text();
    assert!(html.contains("#sha256="));
    index.set_hashes(false);
    assert!(!Call::get(&page).send().await.text().contains("#sha256="));
    let secret = format!("{}/Acme_Secret/", index.index_url());
    assert_eq!(Call::get(&secret).send().await.status(), 404);
    index
        .faults()
        .add(Fault::on(Operation::ReadPackage).times(1).respond(503, "x"));
    assert_eq!(Call::get(&page).send().await.status(), 503);
    index.remove("requests");
    assert_eq!(Call::get(&page).send().await.status(), 404);
    let asked: Vec<_> = index.asked().into_iter().collect();
    assert_eq!(asked, ["acme-secret", "requests"]);
    assert_eq!(index.counters().count(Operation::GetAsset), 1);
}
