//! A service behind a proxy that speaks TLS.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Program;

/// Answers one request over TLS with an empty list.
fn answer_once(listener: &TcpListener, config: Arc<rustls::ServerConfig>) -> std::io::Result<()> {
    let (stream, _) = listener.accept()?;
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let body = r#"{"count":0,"sessions":[]}"#;
    write!(
        stream.get_mut(),
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.get_mut().flush()
}

#[test]
fn https_is_checked_against_the_systems_certificates() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(
        certified.signing_key.serialize_der(),
    ));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let server = std::thread::spawn(move || {
        let refused = answer_once(&listener, Arc::clone(&config));
        (refused, answer_once(&listener, config))
    });
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let run = |pem: String| {
        let program = Program::new();
        let file = program.data.path().join("ca.pem");
        std::fs::write(&file, pem).unwrap();
        let program = program.with("SSL_CERT_FILE", file.to_str().unwrap());
        program.run(&["list", "--url", &url])
    };
    let ran = run(other.cert.pem());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let ran = run(certified.cert.pem());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let (refused, answered) = server.join().unwrap();
    assert!(refused.is_err() && answered.is_ok());
}
