//! A server on this machine that answers by a script, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) path: String,
    /// The first byte of `Range: bytes=N-`.
    pub(crate) from: Option<usize>,
    /// `If-Range`.
    pub(crate) if_range: Option<String>,
    /// `Accept-Encoding`.
    pub(crate) accept_encoding: Option<String>,
}

/// What is answered, and how the connection ends.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: &'static str,
    headers: Vec<String>,
    body: Vec<u8>,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// As it should.
    Whole,
    /// After so many bytes of the body.
    Cut(usize),
    /// After so many bytes nothing more comes, but the connection stays.
    Stall(usize),
    /// The body is sent over and over until the client has enough.
    Endless,
}

impl Reply {
    pub(crate) fn status(status: &'static str) -> Self {
        let body = b"<html>no</html>".to_vec();
        Self { status, headers: vec![format!("Content-Length: {}", body.len())], body, end: End::Whole }
    }

    /// All of a file.
    pub(crate) fn whole(body: &[u8]) -> Self {
        let headers = vec![format!("Content-Length: {}", body.len())];
        Self { status: "200 OK", headers, body: body.into(), end: End::Whole }
    }

    /// A file as a good server sends it: from where it is asked, if it is still the version with this tag.
    pub(crate) fn file(asked: &Asked, body: &[u8], etag: &str) -> Self {
        let same = asked.if_range.as_deref().is_none_or(|it| it == etag);
        match asked.from {
            Some(from) if same && from < body.len() => Self::part(body, from, body.len()).header("ETag", etag),
            Some(_) if same => {
                Self::status("416 Range Not Satisfiable").header("Content-Range", &format!("bytes */{}", body.len()))
            }
            _ => Self::whole(body).header("ETag", etag),
        }
    }

    /// The bytes from `from` on of a file of which the server says that it has `total`.
    pub(crate) fn part(body: &[u8], from: usize, total: usize) -> Self {
        let mut reply = Self::whole(&body[from.min(body.len())..]);
        reply.status = "206 Partial Content";
        reply.header("Content-Range", &format!("bytes {from}-{}/{total}", body.len() - 1))
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::status("302 Found").header("Location", to)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    /// No size is stated: the end of the connection is the end of the file.
    pub(crate) fn without_length(mut self) -> Self {
        self.headers.retain(|header| !header.starts_with("Content-Length"));
        self
    }

    pub(crate) fn cut_after(mut self, bytes: usize) -> Self {
        self.end = End::Cut(bytes);
        self
    }

    pub(crate) fn stall_after(mut self, bytes: usize) -> Self {
        self.end = End::Stall(bytes);
        self
    }

    pub(crate) fn endless(mut self) -> Self {
        self.end = End::Endless;
        self.without_length()
    }

    fn send(&self, mut to: TcpStream) -> std::io::Result<()> {
        let headers: String = self.headers.iter().map(|header| format!("{header}\r\n")).collect();
        write!(to, "HTTP/1.1 {}\r\n{headers}Connection: close\r\n\r\n", self.status)?;
        match self.end {
            End::Whole => to.write_all(&self.body)?,
            End::Cut(bytes) => to.write_all(&self.body[..bytes])?,
            End::Stall(bytes) => {
                to.write_all(&self.body[..bytes])?;
                to.flush()?;
                // Returns when the client has hung up.
                to.read_to_end(&mut Vec::new())?;
            }
            End::Endless => loop {
                to.write_all(&self.body)?;
            },
        }
        to.flush()
    }
}

/// The running server; it ends with the test.
pub(crate) struct Server {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// `answer` is given each request and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = hear(&stream);
                let n = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                let answer = Arc::clone(&answer);
                // A client that hangs up in the middle is part of the play.
                thread::spawn(move || answer(&request, n).send(stream));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Where each request began.
    pub(crate) fn starts(&self) -> Vec<Option<usize>> {
        self.asked().iter().map(|asked| asked.from).collect()
    }
}

fn hear(stream: &TcpStream) -> Asked {
    let mut asked = Asked::default();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    if let Some(first) = lines.next() {
        asked.path = first.split(' ').nth(1).unwrap_or_default().into();
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "range" => asked.from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().ok(),
            "if-range" => asked.if_range = Some(value.into()),
            "accept-encoding" => asked.accept_encoding = Some(value.into()),
            _ => {}
        }
    }
    asked
}
