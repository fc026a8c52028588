//! One file from one of its addresses: tries, resumes, and never glues two versions of it together.

use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::client::{Answer, is_idle};
use crate::files::{BLOCK, hear, is_for_pages, name_of};
use crate::partial::{Origin, Part};
use crate::{Checksum, Client, DownloadError, Event, Listener, Stage};

/// What may come where no size is stated and none is given: 64 GiB, more than any file of the catalogue.
const LIMIT: u64 = 64 << 30;

/// The longest wait that a server may ask for and get.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What to fetch, and where to.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Whose file it is, for messages.
    pub data_set: &'a str,
    /// Where it is: the second is asked if the first fails, and so on.
    pub addresses: &'a [String],
    /// The file to write.
    pub target: &'a Path,
    /// What was published about its bytes.
    pub checksum: Option<&'a Checksum>,
    /// The most bytes it may have.
    pub max_bytes: Option<u64>,
}

/// A file that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The address that had it.
    pub address: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Bytes that were there from an earlier call.
    pub kept: u64,
}

/// Fetches a file. What arrives lies in `<target>.part` until it is whole, right and synced; a stopped call is taken up
/// by the next one. Bytes are added only to those of the same version, which the server's tag or date tells.
pub fn fetch(client: &Client, request: &Request<'_>, listener: &mut Listener<'_>) -> Result<Fetched, DownloadError> {
    let mut errors: Vec<DownloadError> = Vec::new();
    for address in request.addresses {
        if let Some(error) = errors.last() {
            hear(listener, Event::Note(&format!("{error}; the next address is asked")))?;
        }
        match from_address(client, request, address, listener) {
            Ok(fetched) => return Ok(fetched),
            Err(error) if error.is_of_the_address() => errors.push(error),
            Err(error) => return Err(error),
        }
    }
    Err(match errors.pop() {
        Some(only) if request.addresses.len() == 1 => only,
        Some(last) => {
            errors.push(last);
            DownloadError::Every { data_set: request.data_set.into(), errors, place: request.target.into() }
        }
        None => DownloadError::Setting { given: request.data_set.into(), what: "has no address".into() },
    })
}

fn from_address(
    client: &Client,
    request: &Request<'_>,
    address: &str,
    listener: &mut Listener<'_>,
) -> Result<Fetched, DownloadError> {
    let mut part = Part::open(request.target, request.checksum)?;
    let (kept, _) = part.resumes(address);
    let mut farthest = kept;
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match attempt(client, request, address, &mut part, listener) {
            Ok(()) => {
                let (bytes, sha256) = part.finish(address, listener)?;
                return Ok(Fetched { address: address.into(), bytes, sha256, kept: kept.min(bytes) });
            }
            Err(error) => error,
        };
        // What brings something new may go on for as long as it does.
        if part.bytes > farthest {
            (farthest, tries) = (part.bytes, 1);
        }
        if !error.is_passing() || tries >= client.config.tries {
            return Err(error);
        }
        let asked = if let DownloadError::Status { wait, .. } = &error { *wait } else { None };
        let pause = client.config.pause.saturating_mul(1 << (tries - 1).min(16));
        hear(listener, Event::Note(&format!("{}; trying again{}", reason(&error), after(asked))))?;
        thread::sleep(asked.unwrap_or(pause).min(LONGEST_WAIT));
    }
}

/// What to tell of a wait that the server asks for: it may be a minute in which nothing else is heard.
fn after(asked: Option<Duration>) -> String {
    match asked {
        Some(asked) if asked > LONGEST_WAIT => {
            format!(" in {} s, though the server asks to wait {} s", LONGEST_WAIT.as_secs(), asked.as_secs())
        }
        Some(asked) if !asked.is_zero() => format!(" in {0} s, for the server asks to wait {0} s", asked.as_secs()),
        _ => String::new(),
    }
}

/// Asks once, from where the bytes end, and takes what comes.
fn attempt(
    client: &Client,
    request: &Request<'_>,
    address: &str,
    part: &mut Part<'_>,
    listener: &mut Listener<'_>,
) -> Result<(), DownloadError> {
    let (from, origin) = part.resumes(address);
    if from > 0 && origin.as_ref().is_some_and(|origin| origin.total == Some(from)) {
        // Stopped between the last byte and the renaming.
        return part.go_on(listener);
    }
    let validator = origin.as_ref().and_then(Origin::validator);
    let mut answer = client.get(address, from, validator)?;
    check_encoding(address, &answer, request.target)?;
    let total = match (answer.status, &origin) {
        (200, _) => {
            // From the beginning: nothing was there, the file has changed, or the server knows no ranges.
            check_size(address, answer.length, request.max_bytes)?;
            // A checksum tells better than the word of the server.
            if answer.is_page && request.checksum.is_none() && !is_for_pages(request.target) {
                return Err(DownloadError::Page { address: address.into() });
            }
            part.begin(Origin::of(address, &answer))?;
            answer.length
        }
        (206, Some(origin)) if from > 0 => match continued(address, &answer, origin, from) {
            Ok(total) => {
                check_size(address, total, request.max_bytes)?;
                part.go_on(listener)?;
                total
            }
            Err(error) => {
                part.forget()?;
                return again(client, request, address, part, (error, listener));
            }
        },
        (206, _) => return Err(DownloadError::protocol(address, "the server sends a part that was not asked for")),
        (416, Some(origin)) if from > 0 => {
            // All of it is there already, or more than there is now.
            let whole = answer.content_range.as_deref().and_then(|it| it.trim().strip_prefix("bytes */"));
            let whole = whole.and_then(|it| it.parse::<u64>().ok()).or(origin.total);
            if whole == Some(from) {
                return part.go_on(listener);
            }
            part.forget()?;
            let error = DownloadError::protocol(address, "the file has become shorter than what has arrived of it");
            return again(client, request, address, part, (error, listener));
        }
        (status, _) => return Err(DownloadError::Status { address: address.into(), status, wait: answer.wait }),
    };
    take(client, request, address, part, (&mut answer.body, total, listener))
}

/// Begins anew, once, because the halves would not fit.
fn again(
    client: &Client,
    request: &Request<'_>,
    address: &str,
    part: &mut Part<'_>,
    (error, listener): (DownloadError, &mut Listener<'_>),
) -> Result<(), DownloadError> {
    hear(listener, Event::Note(&format!("{error}; it is fetched from the beginning")))?;
    // Nothing is left that could lead here a second time.
    attempt(client, request, address, part, listener)
}

fn take(
    client: &Client,
    request: &Request<'_>,
    address: &str,
    part: &mut Part<'_>,
    (body, total, listener): (&mut dyn Read, Option<u64>, &mut Listener<'_>),
) -> Result<(), DownloadError> {
    let limit = request.max_bytes.unwrap_or(LIMIT);
    let name = name_of(request.target);
    let mut block = vec![0; BLOCK];
    loop {
        hear(listener, Event::Progress { stage: Stage::Fetch, name: &name, done: part.bytes, total })?;
        let n = match body.read(&mut block) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if is_idle(&error) => {
                let (address, part_path) = (address.into(), part.of_use(address));
                return Err(DownloadError::Stalled {
                    address,
                    idle: client.config.idle,
                    got: part.bytes,
                    part: part_path,
                });
            }
            Err(_) => return Err(cut(address, part, total)),
        };
        if n == 0 {
            return if total.is_some_and(|total| part.bytes < total) { Err(cut(address, part, total)) } else { Ok(()) };
        }
        if part.bytes + n as u64 > total.unwrap_or(limit) {
            part.discard()?;
            return Err(DownloadError::TooLarge { address: address.into(), stated: None, limit });
        }
        part.write(&block[..n])?;
    }
}

fn cut(address: &str, part: &Part<'_>, expected: Option<u64>) -> DownloadError {
    DownloadError::Cut { address: address.into(), got: part.bytes, expected, part: part.of_use(address) }
}

/// The size of the whole, if the part that comes is the one that was asked for, of the same file.
fn continued(address: &str, answer: &Answer, origin: &Origin, from: u64) -> Result<Option<u64>, DownloadError> {
    let changed = |what: &str| Err(DownloadError::protocol(address, what));
    if let (Some(now), Some(then)) = (&answer.etag, &origin.etag)
        && now != then
    {
        return changed("the file has changed since its first half came");
    }
    // Who knows tags sends them with every part; what comes without may be of another version.
    if answer.etag.is_none() && origin.etag.as_ref().is_some_and(|tag| !tag.starts_with("W/")) {
        return changed("the server does not say that the part is of the file whose first half came");
    }
    let Some((first, total)) = answer.content_range.as_deref().and_then(content_range) else {
        return changed("the server sends a part without saying which");
    };
    if first != from {
        return changed("the server sends another part than the one asked for");
    }
    if let (Some(total), Some(then)) = (total, origin.total)
        && total != then
    {
        return changed("the file has another size than when its first half came");
    }
    let total = total.or(origin.total);
    if let (Some(length), Some(total)) = (answer.length, total)
        && from.saturating_add(length) != total
    {
        return changed("the server sends a part that does not end where the file does");
    }
    Ok(total.or(answer.length.map(|length| from + length)))
}

/// First byte and size of the whole in `bytes 100-199/200`, the size `*` where it is not known.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse::<u64>().ok()?),
    };
    let consistent = first <= last && total.is_none_or(|total| last < total);
    consistent.then_some((first, total))
}

/// We ask for the file as it is. Servers that call a `.gz` file an encoding send it as it is all the same.
fn check_encoding(address: &str, answer: &Answer, target: &Path) -> Result<(), DownloadError> {
    let Some(encoding) = &answer.encoding else { return Ok(()) };
    let compressed =
        target.extension().is_some_and(|it| it.eq_ignore_ascii_case("gz") || it.eq_ignore_ascii_case("tgz"));
    if compressed && matches!(encoding.as_str(), "gzip" | "x-gzip") {
        return Ok(());
    }
    let what = format!(
        "the server sends the file encoded as {encoding}, which was not asked for; give another address (of a data set by --mirror)"
    );
    Err(DownloadError::protocol(address, what))
}

fn check_size(address: &str, stated: Option<u64>, max_bytes: Option<u64>) -> Result<(), DownloadError> {
    match (stated, max_bytes) {
        (Some(bytes), Some(limit)) if bytes > limit => {
            Err(DownloadError::TooLarge { address: address.into(), stated, limit })
        }
        _ => Ok(()),
    }
}

/// An error in a few words, for a note.
fn reason(error: &DownloadError) -> String {
    match error {
        DownloadError::Status { status, .. } => format!("the server answers {status}"),
        DownloadError::Cut { got, .. } => format!("the connection was cut after {got} bytes"),
        DownloadError::Stalled { idle, .. } => format!("nothing came for {} seconds", idle.as_secs_f32()),
        DownloadError::Unreachable { what, .. } => format!("no answer ({what})"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{after, content_range};

    #[test]
    fn waits_that_are_asked_for_are_told() {
        let told = |seconds: Option<u64>| after(seconds.map(Duration::from_secs));
        assert_eq!((told(None), told(Some(0))), (String::new(), String::new()));
        assert_eq!(told(Some(7)), " in 7 s, for the server asks to wait 7 s");
        assert_eq!(told(Some(3600)), " in 60 s, though the server asks to wait 3600 s");
    }

    #[test]
    fn content_ranges() {
        for (text, expected) in [
            ("bytes 100-199/200", Some((100, Some(200)))),
            ("bytes 0-0/*", Some((0, None))),
            ("bytes 100-199/150", None),
            ("bytes 199-100/200", None),
            ("bytes */200", None),
            ("items 0-1/2", None),
            ("bytes 0-99999999999999999999/1", None),
        ] {
            assert_eq!(content_range(text), expected, "{text}");
        }
    }
}
