//! Being told to stop.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{End, World, get_and_close, noise, rest_of};

async fn refused(world: &World) {
    eventually("new connections are refused", async || {
        TcpStream::connect(world.proxy.address()).await.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_answer_ends_and_new_connections_are_refused() {
    let mut world = World::new().await;
    let jar = noise(2_000_000);
    world.put("g/a-1.jar", &jar);
    let pause = Duration::from_secs(2);
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).delay_body(1_000_000, pause));
    let mut running = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let first = running.next().await.expect("bytes").expect("no error");
    world.proxy.terminate();
    refused(&world).await;
    let rest = running.finish().await;
    assert_eq!(rest.broken, None);
    assert!([first.as_ref(), rest.body.as_ref()].concat() == jar);
    assert!(world.proxy.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_keep_the_process() {
    let mut world = World::new().await;
    let mut idle = TcpStream::connect(world.proxy.address())
        .await
        .expect("accepted");
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle.write_all(request).await.expect("sent");
    let read = idle.read(&mut [0; 1024]).await.expect("an answer");
    assert!(read > 0);
    let before = tokio::time::Instant::now();
    world.proxy.terminate();
    assert!(world.proxy.ended().await.success());
    assert!(
        before.elapsed() < Duration::from_secs(8),
        "it did not wait for the client"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_end_in_time_is_reset_and_not_cut_short() {
    let mut world = World::new().await;
    world.put("g/a-1.jar", noise(2_000_000));
    let for_ever = Duration::from_hours(1);
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).delay_body(1_000_000, for_ever));
    let mut client = TcpStream::connect(world.proxy.address())
        .await
        .expect("accepted");
    let request = get_and_close("/g/a-1.jar");
    client.write_all(request.as_bytes()).await.expect("sent");
    let mut first = [0; 1024];
    client
        .read_exact(&mut first)
        .await
        .expect("the answer begins");
    world.proxy.terminate();
    let (_, end) = rest_of(&mut client).await;
    assert_eq!(end, End::Reset);
    assert!(world.proxy.ended().await.success());
}
