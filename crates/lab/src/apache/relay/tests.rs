//! Links between sockets of this process.

use std::net::Ipv4Addr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough that what would come has come on any machine, or the test is too kind; never too strict.
const A_WHILE: Duration = Duration::from_millis(150);

/// A link from `from` to broker 2, and both ends of a connection through it.
struct Line {
    relay: Relay,
    listener: TcpListener,
    at: SocketAddr,
    caller: TcpStream,
    target: TcpStream,
}

impl Line {
    async fn from(from: Option<i32>) -> Self {
        let relay = Relay::start().expect("a relay");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let at = relay.link(from, 2, listener.local_addr().expect("an address"), None).expect("a link");
        let caller = reach(at).await;
        let (target, _) = accept(&listener, &caller).await;
        Self { relay, listener, at, caller, target }
    }

    async fn ask(&mut self, words: &[u8]) {
        self.caller.write_all(words).await.expect("written");
        expect_bytes(&mut self.target, words).await;
    }

    async fn answer(&mut self, words: &[u8]) {
        self.target.write_all(words).await.expect("written");
        expect_bytes(&mut self.caller, words).await;
    }
}

/// Connects as soon as the port is open.
async fn reach(at: SocketAddr) -> TcpStream {
    let connected = timeout(PATIENCE, async {
        loop {
            match TcpStream::connect(at).await {
                Ok(stream) => return stream,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    });
    connected.await.expect("the port opens")
}

/// The target's end of a connection, told from the relay's own trials by what its caller says first.
async fn accept(listener: &TcpListener, caller: &TcpStream) -> (TcpStream, SocketAddr) {
    caller.writable().await.expect("writable");
    assert_eq!(caller.try_write(b"!").expect("written"), 1);
    let found = timeout(PATIENCE, async {
        loop {
            let (mut stream, from) = listener.accept().await.expect("accepted");
            if stream.read_u8().await.is_ok_and(|first| first == b'!') {
                return (stream, from);
            }
        }
    });
    found.await.expect("the connection arrives")
}

async fn expect_bytes(stream: &mut TcpStream, words: &[u8]) {
    let mut read = vec![0; words.len()];
    timeout(PATIENCE, stream.read_exact(&mut read)).await.expect("it arrives").expect("read");
    assert_eq!(read, words);
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(A_WHILE, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn bytes_pass_in_both_directions() {
    let mut line = Line::from(None).await;
    line.ask(b"question").await;
    line.answer(b"answer").await;
}

#[tokio::test]
async fn a_lot_of_bytes_pass_in_order() {
    let Line { relay: _relay, mut caller, mut target, .. } = Line::from(None).await;
    let sent: Vec<u8> = (0..24_000_000_u32).map(|at| (at ^ (at >> 11)) as u8).collect();
    let expected = sent.clone();
    let sender = tokio::spawn(async move {
        caller.write_all(&sent).await.expect("written");
        caller.shutdown().await.expect("ended");
        caller
    });
    let mut read = Vec::new();
    timeout(PATIENCE, target.read_to_end(&mut read)).await.expect("it arrives").expect("read");
    assert!(read == expected, "{} of {} bytes", read.len(), expected.len());
    drop(sender.await);
}

#[tokio::test]
async fn an_end_passes_and_the_other_direction_goes_on() {
    let mut line = Line::from(None).await;
    line.caller.shutdown().await.expect("ended");
    assert_eq!(line.target.read(&mut [0]).await.expect("an end, not a reset"), 0);
    line.answer(b"still here").await;
}

#[tokio::test]
async fn a_reset_passes_as_a_reset() {
    let mut line = Line::from(None).await;
    flow::reset(&line.target);
    drop(line.target);
    let end = timeout(PATIENCE, line.caller.read(&mut [0])).await.expect("an end");
    assert_eq!(end.expect_err("a reset").kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_black_hole_holds_what_is_sent_and_lets_it_flow_when_it_ends() {
    let mut line = Line::from(None).await;
    line.relay.cut_off(2, true);
    line.caller.write_all(b"question").await.expect("written");
    line.target.write_all(b"answer").await.expect("written");
    assert!(is_silent(&mut line.target).await);
    assert!(is_silent(&mut line.caller).await);
    line.relay.cut_off(2, false);
    expect_bytes(&mut line.target, b"question").await;
    expect_bytes(&mut line.caller, b"answer").await;
    line.ask(b"more").await;
}

#[tokio::test]
async fn an_end_in_a_black_hole_is_not_seen_before_the_heal() {
    let mut line = Line::from(None).await;
    line.relay.cut_off(2, true);
    drop(line.target);
    assert!(is_silent(&mut line.caller).await);
    line.relay.cut_off(2, false);
    let end = timeout(PATIENCE, line.caller.read(&mut [0])).await.expect("an end");
    assert_eq!(end.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_connection_into_a_black_hole_is_neither_refused_nor_served_until_the_heal() {
    let line = Line::from(None).await;
    line.relay.cut_off(2, true);
    let at = line.at;
    if cfg!(target_os = "linux") {
        // The relay obeys a moment later.
        let unanswered =
            timeout(PATIENCE, async { while timeout(A_WHILE, TcpStream::connect(at)).await.is_ok() {} });
        unanswered.await.expect("connections are not even answered");
    }
    let knock = tokio::spawn(async move {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(b"!").await?;
        io::Result::Ok(stream)
    });
    // Those that gave up say nothing.
    let arrived = async {
        loop {
            let (mut stream, _) = line.listener.accept().await.expect("accepted");
            if stream.read_u8().await.is_ok() {
                return;
            }
        }
    };
    tokio::pin!(arrived);
    let early = timeout(A_WHILE, &mut arrived).await;
    assert!(early.is_err(), "it is not served");
    line.relay.cut_off(2, false);
    timeout(PATIENCE, arrived).await.expect("it is served");
    drop(knock.await.expect("no panic").expect("connected"));
}

#[tokio::test]
async fn a_link_between_two_black_holes_is_healed_by_the_second_heal_only() {
    let mut line = Line::from(Some(3)).await;
    line.relay.cut_off(2, true);
    line.relay.cut_off(3, true);
    line.caller.write_all(b"question").await.expect("written");
    line.relay.cut_off(2, false);
    assert!(is_silent(&mut line.target).await);
    line.relay.cut_off(3, false);
    expect_bytes(&mut line.target, b"question").await;
}

#[tokio::test]
async fn a_broker_reaches_itself_and_others_are_not_touched() {
    let mut itself = Line::from(Some(2)).await;
    itself.relay.cut_off(2, true);
    itself.ask(b"me").await;
    let mut other = Line::from(Some(3)).await;
    other.relay.cut_off(1, true);
    other.ask(b"not 1").await;
}

#[tokio::test]
async fn a_link_that_is_opened_later_obeys_too() {
    let line = Line::from(None).await;
    line.relay.slow(2, Duration::from_millis(1));
    let target = line.listener.local_addr().expect("an address");
    line.relay.link(Some(1), 2, target, None).expect("a link");
    let table = line.relay.table.lock().unwrap();
    let modes: Vec<Mode> = table.links.iter().map(|link| *link.mode.borrow()).collect();
    assert_eq!(modes, [Mode::Delay(Duration::from_millis(1)); 2]);
}

#[tokio::test]
async fn a_delay_makes_answers_later_and_questions_not() {
    let mut line = Line::from(None).await;
    let delay = Duration::from_millis(400);
    line.relay.slow(2, delay);
    line.ask(b"question").await;
    let answered = Instant::now();
    line.answer(b"answer").await;
    assert!(answered.elapsed() >= delay, "{:?}", answered.elapsed());
}

#[tokio::test]
async fn delays_of_answers_that_follow_each_other_do_not_add_up() {
    let mut line = Line::from(None).await;
    line.relay.slow(2, Duration::from_secs(1));
    let began = Instant::now();
    for at in 0..30 {
        line.target.write_all(&[at]).await.expect("written");
        // So that each is an answer of its own on its way.
        sleep(Duration::from_millis(2)).await;
    }
    let all: Vec<u8> = (0..30).collect();
    expect_bytes(&mut line.caller, &all).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_delay_that_is_taken_away_lets_go_at_once_what_it_held() {
    let mut line = Line::from(Some(1)).await;
    line.relay.slow(2, Duration::from_secs(3_600));
    line.target.write_all(b"answer").await.expect("written");
    assert!(is_silent(&mut line.caller).await);
    line.relay.slow(2, Duration::ZERO);
    expect_bytes(&mut line.caller, b"answer").await;
}

#[test]
fn a_link_obeys_both_of_its_ends() {
    let (short, long) = (Duration::from_millis(1), Duration::from_millis(2));
    assert_eq!(Mode::Pass.and(Mode::Pass), Mode::Pass);
    assert_eq!(Mode::Pass.and(Mode::Delay(short)), Mode::Delay(short));
    assert_eq!(Mode::Delay(short).and(Mode::Delay(long)), Mode::Delay(Duration::from_millis(3)));
    assert_eq!(Mode::BlackHole.and(Mode::Delay(long)), Mode::BlackHole);
    assert_eq!(Mode::Pass.and(Mode::BlackHole), Mode::BlackHole);
}

#[tokio::test]
async fn a_target_that_is_gone_refuses_through_the_relay_and_serves_again_when_it_is_back() {
    let Line { relay: _relay, listener, at, caller, target } = Line::from(None).await;
    let address = listener.local_addr().expect("an address");
    drop((listener, caller, target));
    let refused = timeout(PATIENCE, async {
        while TcpStream::connect(at).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    refused.await.expect("it is refused");
    let listener = TcpListener::bind(address).await.expect("the same port");
    let caller = reach(at).await;
    accept(&listener, &caller).await;
}

#[tokio::test]
async fn a_receiver_that_does_not_read_holds_its_sender_back() {
    let mut line = Line::from(None).await;
    let piece = vec![7; 256 * 1024];
    // The sockets' own buffers take some megabytes at either side.
    let bytes_max = 64 * flow::HELD_BYTES_MAX;
    let mut sent = 0;
    while sent < bytes_max {
        match timeout(A_WHILE * 10, line.caller.write(&piece)).await {
            Ok(written) => sent += written.expect("written"),
            Err(_) => break,
        }
    }
    assert!(sent < bytes_max, "the relay took {sent} bytes that nobody reads");
    let mut read = vec![0; sent];
    timeout(PATIENCE, line.target.read_exact(&mut read)).await.expect("it arrives").expect("read");
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_one_that_left_makes_room() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = Port::bind(None).expect("a port");
    let at = port.address();
    let (_mode, follow) = watch::channel(Mode::Pass);
    let door = Door::new("test".to_owned(), port, listener.local_addr().expect("an address"), follow);
    tokio::spawn(door.with_room(1).keep());
    let first = reach(at).await;
    let mut second = TcpStream::connect(at).await.expect("connected");
    let end = timeout(PATIENCE, second.read(&mut [0])).await.expect("an end");
    assert_eq!(end.unwrap_or(0), 0, "it is closed");
    let (target, _) = accept(&listener, &first).await;
    drop((first, target));
    let room = timeout(PATIENCE, async {
        loop {
            let mut third = TcpStream::connect(at).await.expect("connected");
            if is_silent(&mut third).await {
                return;
            }
        }
    });
    room.await.expect("there is room again");
}

#[tokio::test]
async fn a_link_too_many_is_an_error() {
    let line = Line::from(None).await;
    let (mode, _) = watch::channel(Mode::Pass);
    let spare = || Link { from: None, to: 1, mode: mode.clone() };
    line.relay.table.lock().unwrap().links.resize_with(LINKS_MAX, spare);
    assert!(line.relay.link(None, 1, line.at, None).is_err());
}

#[tokio::test]
async fn nothing_is_left_of_a_dropped_relay() {
    let mut line = Line::from(None).await;
    drop(line.relay);
    let refused = TcpStream::connect(line.at).await.expect_err("refused");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let end = timeout(PATIENCE, line.caller.read(&mut [0])).await.expect("an end");
    assert_eq!(end.unwrap_or(0), 0);
}

#[test]
fn healing_the_black_hole_of_a_slow_broker_leaves_it_slow() {
    let delay = Duration::from_millis(1);
    let mut broken = Broken { cut_off: true, delay };
    assert_eq!(broken.mode(), Mode::BlackHole);
    broken.cut_off = false;
    assert_eq!(broken.mode(), Mode::Delay(delay));
}
