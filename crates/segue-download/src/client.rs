//! One request: what we say, what we take from the answer, and what its failures are called.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use ureq::ResponseExt as _;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Timeout};

use crate::DownloadError;

/// How patient a client is.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Nothing may come for this long before a try is given up.
    pub idle: Duration,
    /// Time for a connection to come about.
    pub connect: Duration,
    /// Tries in a row that bring nothing new.
    pub tries: u32,
    /// The wait before the second try; it doubles with each further one.
    pub pause: Duration,
    /// A file of root certificates in PEM, where a company's proxy has one of its own. Otherwise Mozilla's.
    pub roots: Option<PathBuf>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { idle: seconds(30), connect: seconds(20), tries: 5, pause: seconds(1), roots: None }
    }
}

/// Fetches over HTTP and HTTPS, through the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`).
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    pub(crate) config: ClientConfig,
}

/// What we take from an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) length: Option<u64>,
    pub(crate) content_range: Option<String>,
    pub(crate) encoding: Option<String>,
    /// Whether the server calls it a page to be looked at.
    pub(crate) is_page: bool,
    pub(crate) wait: Option<Duration>,
    pub(crate) body: Box<dyn Read>,
}

impl Client {
    /// A client; an error if the file of root certificates cannot be read.
    pub fn new(config: ClientConfig) -> Result<Self, DownloadError> {
        let roots = match &config.roots {
            None => RootCerts::WebPki,
            Some(path) => {
                let pem = std::fs::read(path).map_err(DownloadError::io(path, "read the certificates"))?;
                let certificates: Vec<_> = parse_pem(&pem)
                    .filter_map(|item| if let Ok(PemItem::Certificate(it)) = item { Some(it) } else { None })
                    .collect();
                if certificates.is_empty() {
                    let what =
                        "holds no certificate in PEM; SSL_CERT_FILE names a file of `-----BEGIN CERTIFICATE-----`";
                    return Err(DownloadError::Setting { given: path.display().to_string(), what: what.into() });
                }
                RootCerts::from(certificates)
            }
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(config.connect))
            .timeout_recv_response(Some(config.idle))
            .timeout_per_read(Some(config.idle))
            .timeout_per_write(Some(config.idle))
            // Where redirects lead is ours to tell.
            .max_redirects_will_error(false)
            .save_redirect_history(true)
            .user_agent(concat!("segue/", env!("CARGO_PKG_VERSION")))
            // What is stored must be what was published, byte for byte.
            .accept_encoding("identity")
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build()
            .new_agent();
        Ok(Self { agent, config })
    }

    /// Asks for `address` from byte `from` on, as long as the file is still that of `validator`.
    pub(crate) fn get(&self, address: &str, from: u64, validator: Option<&str>) -> Result<Answer, DownloadError> {
        let mut request = self.agent.get(address);
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
            if let Some(validator) = validator {
                request = request.header("if-range", validator);
            }
        }
        // No proxy leads to this machine.
        if address.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_this_machine)) {
            request = request.config().proxy(None).build();
        }
        let response = request.call().map_err(|error| self.failure(address, &error))?;
        let places = response.get_redirect_history().unwrap_or_default();
        // The last of too many redirects comes as it is; a place that is no address is taken for one of the same server.
        let next = if response.status().is_redirection() { text(response.headers(), "location") } else { None };
        let places = places.iter().rev().map(|place| place.path().to_owned());
        if let Some(place) = next.clone().into_iter().chain(places).find_map(|place| elsewhere(&place)) {
            return Err(redirected_out(address, &place));
        }
        if next.is_some() {
            return Err(DownloadError::protocol(address, "is redirected in a circle"));
        }
        let (parts, body) = response.into_parts();
        let header = |name: &str| text(&parts.headers, name);
        Ok(Answer {
            status: parts.status.as_u16(),
            etag: header("etag"),
            last_modified: header("last-modified"),
            length: body.content_length(),
            content_range: header("content-range"),
            is_page: header("content-type").is_some_and(|it| is_page_type(&it)),
            encoding: header("content-encoding").filter(|it| !it.is_empty() && it != "identity"),
            wait: header("retry-after").and_then(|it| it.parse().ok()).map(Duration::from_secs),
            body: Box::new(body.into_reader()),
        })
    }

    /// A text of a few lines; none if it cannot be had.
    pub(crate) fn small_text(&self, address: &str) -> Option<String> {
        let answer = self.get(address, 0, None).ok().filter(|answer| answer.status == 200)?;
        let mut text = String::new();
        answer.body.take(4096).read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn failure(&self, address: &str, error: &ureq::Error) -> DownloadError {
        use ureq::Error as E;
        // Certificates and other matters of TLS come as invalid data of the connection.
        let is_tls = match error {
            E::Io(error) => error.kind() == io::ErrorKind::InvalidData,
            E::Tls(_) | E::Rustls(_) => true,
            _ => false,
        };
        let passing = !is_tls && matches!(error, E::Io(_) | E::Timeout(_) | E::HostNotFound | E::ConnectionFailed);
        let what = match error {
            E::HostNotFound => "the name of the host is not known".into(),
            E::Timeout(Timeout::Connect) => format!("no connection within {} s", self.config.connect.as_secs_f32()),
            E::Timeout(_) => format!("nothing came for {} s", self.config.idle.as_secs_f32()),
            _ if is_tls => {
                format!("{error}; where a proxy signs by itself, SSL_CERT_FILE names its root certificates")
            }
            E::Io(error) => error.to_string(),
            E::Protocol(error) => {
                return DownloadError::protocol(address, format!("no HTTP is spoken there ({error})"));
            }
            // The address itself is one: where it leads to is not.
            E::BadUri(what) if is_of_http(address) => {
                return redirected_out(address, &format!("somewhere else ({what})"));
            }
            E::BadUri(_) | E::Http(_) => {
                let what = "is no address; it reads http://host/path or https://host/path".into();
                return DownloadError::Setting { given: address.into(), what };
            }
            _ => error.to_string(),
        };
        DownloadError::Unreachable { address: address.into(), what, passing }
    }
}

/// Whether a read failed because nothing came in time.
pub(crate) fn is_idle(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
        || error
            .get_ref()
            .and_then(|it| it.downcast_ref::<ureq::Error>())
            .is_some_and(|it| matches!(it, ureq::Error::Timeout(_)))
}

/// The place of another protocol that a text names or ends in, as `file:///etc/passwd` does.
fn elsewhere(place: &str) -> Option<String> {
    let (before, after) = place.split_once(":/")?;
    let scheme = before.rsplit('/').next().unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let of_http = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    (is_scheme && !of_http).then(|| format!("{scheme}:/{after}"))
}

fn redirected_out(address: &str, place: &str) -> DownloadError {
    let what = format!(
        "is redirected to {place}, which is no address of HTTP; give another address (of a data set by --mirror)"
    );
    DownloadError::protocol(address, what)
}

fn is_of_http(address: &str) -> bool {
    let is_http = |uri: Uri| uri.scheme_str().is_some_and(|it| it == "http" || it == "https") && uri.host().is_some();
    address.parse().is_ok_and(is_http)
}

fn is_page_type(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].iter().any(|it| kind.eq_ignore_ascii_case(it))
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
