//! `segue download`: public data sets by name, or one file by its address.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::DecimalBytes;
use segue_download::catalogue::{DataSet, find};
use segue_download::{
    Algorithm, Archives, Checksum, Client, ClientConfig, Fetched, Obtained, Order, Request, check, fetch, obtain,
    sha256_of,
};

use crate::terminal::{Format, print_table, say};
use crate::transfer::Transfer;

/// Fetch public data sets, with resume, checksums and the terms of each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue download ml-latest-small
  segue download amazon-2018 --category Digital_Music Movies_and_TV
  segue download ml-1m gowalla --root /data
  segue download ml-1m --verify
  segue download https://example.org/ratings.csv.gz --sha256 HEX --out data/ratings.csv.gz

`segue datasets` lists them. A stopped download goes on where it was; what is complete is compared with what was written and
left alone. Behind a proxy: HTTPS_PROXY, NO_PROXY, and SSL_CERT_FILE for a company's own root certificates. Without a
network: --mirror (or SEGUE_MIRROR) names a server with the publisher's paths, or put the file where the message says.")]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line")]
pub(crate) struct Arguments {
    /// Data sets, or the address of one file.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// The folder that holds the data sets.
    #[arg(long, value_name = "DIR", default_value = "data")]
    root: PathBuf,
    /// Categories of an Amazon edition, or genres of Goodreads.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    category: Vec<String>,
    /// A server to ask in place of the publisher's, with the same paths.
    #[arg(long, value_name = "ADDRESS")]
    mirror: Option<String>,
    /// Leave the archive beside the folder.
    #[arg(long)]
    keep_archive: bool,
    /// Leave the archive as it came.
    #[arg(long, conflicts_with = "keep_archive")]
    no_unpack: bool,
    /// Fetch again what is there.
    #[arg(long)]
    force: bool,
    /// Compare what is there with what was written; nothing is fetched.
    #[arg(long, visible_alias = "offline-check", conflicts_with = "force")]
    verify: bool,
    /// The most bytes that a file may have.
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// For an address: the file to write.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For an address: the SHA-256 that the file must have.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let is_address = |name: &String| name.contains("://");
    if let [address] = args.names.as_slice()
        && is_address(address)
    {
        return one_file(args, address);
    }
    if let Some(address) = args.names.iter().find(|name| is_address(name)) {
        bail!("{address}: an address stands alone; fetch data sets by another call");
    }
    let alone = [("--out", args.out.is_some()), ("--sha256", args.sha256.is_some())];
    if let Some((key, _)) = alone.iter().find(|(_, given)| *given) {
        bail!("{key} goes with the address of a file, not with data sets; --root says where they go");
    }
    ensure!(
        args.category.is_empty() || args.names.len() == 1,
        "--category goes with one data set; fetch the others by another call"
    );
    // All names are looked up before the first byte is fetched.
    let chosen = args
        .names
        .iter()
        .map(|name| {
            let data_set = find(name)?;
            // What is there is compared, whatever that is.
            let recorded =
                if args.verify && args.category.is_empty() { data_set.recorded(&args.root) } else { Vec::new() };
            Ok((data_set, if recorded.is_empty() { data_set.choose(&args.category)? } else { recorded }))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mirror = mirror(args);
    for (data_set, categories) in chosen {
        let archives = match (args.no_unpack, args.keep_archive) {
            (true, _) => Archives::Keep,
            (false, true) => Archives::UnpackAndKeep,
            (false, false) => Archives::Unpack,
        };
        let order = Order {
            data_set,
            categories,
            root: &args.root,
            mirror: mirror.as_deref(),
            archives,
            force: args.force,
            max_bytes: args.max_bytes,
        };
        if args.verify { verify(&order)? } else { get(&order)? }
    }
    Ok(())
}

fn mirror(args: &Arguments) -> Option<String> {
    args.mirror.clone().or_else(|| std::env::var("SEGUE_MIRROR").ok().filter(|it| !it.is_empty()))
}

fn client() -> anyhow::Result<Client> {
    let roots = std::env::var_os("SSL_CERT_FILE").filter(|it| !it.is_empty()).map(PathBuf::from);
    Ok(Client::new(ClientConfig { roots, ..ClientConfig::default() })?)
}

fn verify(order: &Order<'_>) -> anyhow::Result<()> {
    let mut shown = Transfer::new();
    let right = check(order, &mut |event| shown.hear(event));
    shown.finish();
    print_files(&Obtained { found: right?, ..Obtained::default() })?;
    say(&format!("{} is complete, as it was written", order.data_set.name));
    Ok(())
}

fn get(order: &Order<'_>) -> anyhow::Result<()> {
    let it: &DataSet = order.data_set;
    say(&format!("{}: {}, about {}", it.title, it.holds, it.size));
    say(&format!("licence: {}; the terms: {}", it.licence, it.terms));
    if !it.note.is_empty() {
        say(&format!("note: {}", it.note));
    }
    let client = client()?;
    let mut shown = Transfer::new();
    let obtained = obtain(&client, order, &mut |event| shown.hear(event));
    shown.finish();
    let obtained = obtained?;
    print_files(&obtained)?;
    let bytes: u64 = obtained.written.iter().map(|(_, bytes)| bytes).sum();
    if obtained.written.is_empty() {
        say(&format!("{} is complete, as it was written", it.name));
    } else {
        say(&format!("wrote {} files, {}", obtained.written.len(), DecimalBytes(bytes)));
    }
    if order.archives != Archives::Keep {
        say(&format!("prepare it: {}", it.prepare_line(order.root, &order.categories)));
    }
    Ok(())
}

fn print_files(obtained: &Obtained) -> anyhow::Result<()> {
    let row = |(path, bytes): &(PathBuf, u64), state: &str| {
        vec![path.display().to_string(), bytes.to_string(), state.to_owned()]
    };
    let mut rows: Vec<Vec<String>> = obtained.written.iter().map(|it| row(it, "written")).collect();
    rows.extend(obtained.found.iter().map(|it| row(it, "was there")));
    print_table(&["file", "bytes", "state"].map(String::from), &rows, Format::or_fitting(None))?;
    Ok(())
}

/// A file that is no data set of ours: the address says all we know.
fn one_file(args: &Arguments, address: &str) -> anyhow::Result<()> {
    let scheme = address.split("://").next().unwrap_or_default();
    ensure!(matches!(scheme, "http" | "https"), "{address}: only http:// and https:// are fetched");
    for (key, given) in [
        ("--category", !args.category.is_empty()),
        ("--mirror", args.mirror.is_some()),
        ("--keep-archive", args.keep_archive),
        ("--no-unpack", args.no_unpack),
    ] {
        ensure!(!given, "{key} goes with the name of a data set, not with an address");
    }
    let checksum = match &args.sha256 {
        Some(hex) => Some(Checksum::parse(Algorithm::Sha256, hex).with_context(|| {
            format!("--sha256 {hex}: is no SHA-256; it has 64 hexadecimal digits, as `sha256sum` prints them")
        })?),
        None => None,
    };
    let target = match &args.out {
        Some(out) => out.clone(),
        None => args.root.join(
            name_in(address)
                .with_context(|| format!("{address}: has no file name; say where to write by --out FILE"))?,
        ),
    };
    ensure!(!target.is_dir(), "{}: is a directory; --out names a file", target.display());
    let mut shown = Transfer::new();
    if target.exists() && !args.force {
        return found(&target, checksum.as_ref(), &mut shown);
    }
    ensure!(!args.verify, "{}: is not there; without --verify it is fetched", target.display());
    let addresses = [address.to_owned()];
    let (checksum, max_bytes) = (checksum.as_ref(), args.max_bytes);
    let request = Request { data_set: address, addresses: &addresses, target: &target, checksum, max_bytes };
    let fetched = fetch(&client()?, &request, &mut |event| shown.hear(event));
    shown.finish();
    let Fetched { bytes, sha256, .. } = fetched?;
    print_files(&Obtained { written: vec![(target.clone(), bytes)], ..Obtained::default() })?;
    if checksum.is_none() {
        say(&format!("sha256 {sha256}; the next call may ask for it by --sha256"));
    }
    say(&format!("wrote {}", target.display()));
    Ok(())
}

/// The file is there: right, or in the way.
fn found(target: &Path, checksum: Option<&Checksum>, shown: &mut Transfer) -> anyhow::Result<()> {
    let Some(checksum) = checksum else {
        bail!("{}: is there; give --sha256 to compare it, or --force to fetch it again", target.display());
    };
    let got = sha256_of(target, &mut |event| shown.hear(event));
    shown.finish();
    let got = got?;
    ensure!(
        got == checksum.hex(),
        "{}: is there, and its sha256 is {got} instead of {}; --force fetches it again",
        target.display(),
        checksum.hex()
    );
    let bytes = std::fs::metadata(target).map(|it| it.len()).unwrap_or_default();
    print_files(&Obtained { found: vec![(target.into(), bytes)], ..Obtained::default() })
}

/// The last part of the address's path.
fn name_in(address: &str) -> Option<&str> {
    let path = address.split_once("://")?.1.split(['?', '#']).next()?;
    let name = path.split_once('/')?.1.rsplit('/').next()?;
    let plain = !name.is_empty() && name != ".." && name != "." && !name.contains(['\\', ':', '%']);
    plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn names_in_addresses() {
        for (address, expected) in [
            ("https://host/a/ratings.csv.gz", Some("ratings.csv.gz")),
            ("https://host/a/ratings.csv?download=1#x", Some("ratings.csv")),
            ("https://host/", None),
            ("https://host", None),
            ("https://host/a/..", None),
            ("https://host/a/..%2f..%2fx", None),
        ] {
            assert_eq!(name_in(address), expected, "{address}");
        }
    }
}
