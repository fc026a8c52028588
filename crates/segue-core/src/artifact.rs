//! What a fitted model leaves behind: named tensors and JSON, in one safetensors file.
//!
//! The file is the public [safetensors](https://github.com/huggingface/safetensors) format: any tool that reads it sees
//! the tensors. Everything else sits in its metadata under the single key `segue`, so that equal content gives equal
//! bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::dense::Matrix;
use crate::numbers::{Blob, Numbers};
use crate::registry::Registry;

/// Version of the layout inside the file. A reader refuses any other.
pub const FORMAT_VERSION: u64 = 1;

/// Why an artifact cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not a safetensors file, or a damaged one.
    #[error("not a readable artifact ({0}): the file is damaged or something else; train again or copy it afresh")]
    Damaged(String),
    /// Written by another version.
    #[error("artifact format {found}, but this program reads format {FORMAT_VERSION}: train again with this version")]
    Version {
        /// The version found; 0 if none is stated.
        found: u64,
    },
    /// A tensor or key is missing or of another type or shape.
    #[error("artifact entry `{key}`: {problem}")]
    Entry {
        /// Full name of the entry.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A value that JSON cannot hold.
    #[error("cannot write `{key}`: {problem}")]
    Write {
        /// Full name of the entry.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

mod sealed {
    pub trait Element: bytemuck::Pod + Send + Sync {
        const DTYPE: safetensors::Dtype;
        const NAME: &'static str;
        const BYTES: usize;
        fn put(self, out: &mut Vec<u8>);
        fn get(bytes: &[u8]) -> Self;
    }
}
use sealed::Element;

macro_rules! element {
    ($($t:ty, $dtype:ident);*) => { $(impl Element for $t {
        const DTYPE: Dtype = Dtype::$dtype;
        const NAME: &'static str = stringify!($dtype);
        const BYTES: usize = size_of::<$t>();
        fn put(self, out: &mut Vec<u8>) { out.extend_from_slice(&self.to_le_bytes()); }
        fn get(bytes: &[u8]) -> Self {
            let mut array = [0; size_of::<$t>()];
            array.copy_from_slice(bytes);
            Self::from_le_bytes(array)
        }
    })* };
}
element!(f32, F32; f64, F64; u8, U8; u32, U32; u64, U64; i64, I64);

trait Stored {
    fn dtype(&self) -> &'static str;
    /// Bytes of a number.
    fn width(&self) -> usize;
    fn n_bytes(&self) -> usize;
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

struct Tensor<'a, T: Element>(Cow<'a, [T]>);

impl<T: Element> Stored for Tensor<'_, T> {
    fn dtype(&self) -> &'static str {
        T::NAME
    }

    fn width(&self) -> usize {
        T::BYTES
    }

    fn n_bytes(&self) -> usize {
        self.0.len() * T::BYTES
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(1 << 16);
        for block in self.0.chunks((1 << 16) / T::BYTES) {
            buffer.clear();
            for &x in block {
                x.put(&mut buffer);
            }
            out.write_all(&buffer)?;
        }
        Ok(())
    }
}

/// Collects tensors and metadata; borrows what it can.
#[derive(Default)]
pub struct ArtifactWriter<'a> {
    prefix: String,
    tensors: BTreeMap<String, (Vec<usize>, Box<dyn Stored + 'a>)>,
    meta: BTreeMap<String, Value>,
}

impl std::fmt::Debug for ArtifactWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactWriter").field("tensors", &self.tensors.keys()).field("meta", &self.meta).finish()
    }
}

impl<'a> ArtifactWriter<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor of `shape`, row-major. `data` may be borrowed or owned; its length must be the product of `shape`.
    #[allow(private_bounds)]
    pub fn tensor<T: Element>(&mut self, name: &str, shape: &[usize], data: impl Into<Cow<'a, [T]>>) {
        let data = data.into();
        assert_eq!(shape.iter().product::<usize>(), data.len(), "tensor `{name}` of shape {shape:?}");
        self.tensors.insert(self.key(name), (shape.to_vec(), Box::new(Tensor(data))));
    }

    /// Adds a matrix, borrowed.
    pub fn matrix(&mut self, name: &str, matrix: &'a Matrix) {
        self.tensor(name, &[matrix.n_rows(), matrix.n_cols()], matrix.as_slice());
    }

    /// Adds strings as one UTF-8 tensor and their ends.
    pub fn strings<'s>(&mut self, name: &str, strings: impl IntoIterator<Item = &'s str>) {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for string in strings {
            text.extend_from_slice(string.as_bytes());
            ends.push(text.len() as u64);
        }
        self.tensor(&format!("{name}.text"), &[text.len()], text);
        self.tensor(&format!("{name}.ends"), &[ends.len()], ends);
    }

    /// Adds a JSON value.
    pub fn meta(&mut self, name: &str, value: &impl Serialize) -> Result<(), ArtifactError> {
        let key = self.key(name);
        let value = serde_json::to_value(value)
            .map_err(|error| ArtifactError::Write { key: key.clone(), problem: error.to_string() })?;
        self.meta.insert(key, value);
        Ok(())
    }

    /// Lets `write` add entries below `name/`: a child model, a trainer state.
    pub fn scope<R>(&mut self, name: &str, write: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.prefix.clone();
        self.prefix = format!("{outer}{name}/");
        let result = write(self);
        self.prefix = outer;
        result
    }

    /// Streams the file.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut header = Map::new();
        let segue = json!({ "format": FORMAT_VERSION, "entries": self.meta }).to_string();
        header.insert("__metadata__".into(), json!({ "segue": segue }));
        // Wide numbers first, so that all of them are aligned in the file and can be read where they are.
        let mut tensors: Vec<_> = self.tensors.iter().collect();
        tensors.sort_by_key(|(_, (_, tensor))| std::cmp::Reverse(tensor.width()));
        let mut offset = 0;
        for (name, (shape, tensor)) in &tensors {
            let end = offset + tensor.n_bytes();
            header.insert(
                (*name).clone(),
                json!({ "dtype": tensor.dtype(), "shape": shape, "data_offsets": [offset, end] }),
            );
            offset = end;
        }
        let mut header = Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        tensors.iter().try_for_each(|(_, (_, tensor))| tensor.write(out))
    }

    /// The file as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.write_to(&mut bytes) {
            Ok(()) => bytes,
            Err(error) => unreachable!("writing to memory does not fail: {error}"),
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Reads what an [`ArtifactWriter`] wrote.
#[derive(Debug, Clone)]
pub struct ArtifactReader<'a> {
    tensors: Arc<SafeTensors<'a>>,
    /// What the tensors lie in, where that outlives the reader.
    blob: Option<&'a Blob>,
    meta: Arc<Map<String, Value>>,
    prefix: String,
    registry: &'a Registry,
}

impl<'a> ArtifactReader<'a> {
    /// Checks the container and its version. `registry` is what composites load their children from.
    pub fn open(bytes: &'a [u8], registry: &'a Registry) -> Result<Self, ArtifactError> {
        let damaged = |e: &dyn std::fmt::Display| ArtifactError::Damaged(e.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(&e))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| damaged(&e))?;
        let segue = header.metadata().as_ref().and_then(|m| m.get("segue"));
        let segue: Value = match segue {
            Some(text) => serde_json::from_str(text).map_err(|e| damaged(&e))?,
            None => return Err(ArtifactError::Version { found: 0 }),
        };
        let found = segue["format"].as_u64().unwrap_or(0);
        if found != FORMAT_VERSION {
            return Err(ArtifactError::Version { found });
        }
        let meta = segue["entries"].as_object().cloned().unwrap_or_default();
        Ok(Self { tensors: Arc::new(tensors), blob: None, meta: Arc::new(meta), prefix: String::new(), registry })
    }

    /// The same for bytes that may be kept: what models ask for by [`ArtifactReader::numbers`] is not copied.
    pub fn open_blob(blob: &'a Blob, registry: &'a Registry) -> Result<Self, ArtifactError> {
        Ok(Self { blob: Some(blob), ..Self::open(blob.bytes(), registry)? })
    }

    /// The models that children may be loaded as.
    pub fn registry(&self) -> &'a Registry {
        self.registry
    }

    /// What was written in [`ArtifactWriter::scope`] `name`.
    #[must_use]
    pub fn scope(&self, name: &str) -> Self {
        Self { prefix: format!("{}{name}/", self.prefix), ..self.clone() }
    }

    /// True if a tensor or JSON entry of this name exists.
    pub fn has(&self, name: &str) -> bool {
        let key = format!("{}{name}", self.prefix);
        self.meta.contains_key(&key) || self.tensors.tensor(&key).is_ok()
    }

    /// Shape and entries of a tensor.
    #[allow(private_bounds)]
    pub fn tensor<T: Element>(&self, name: &str) -> Result<(Vec<usize>, Vec<T>), ArtifactError> {
        let view = self.view::<T>(name)?;
        Ok((view.shape().to_vec(), owned(&view)))
    }

    fn view<T: Element>(&self, name: &str) -> Result<TensorView<'_>, ArtifactError> {
        let view = self.tensors.tensor(&format!("{}{name}", self.prefix));
        let view = view.map_err(|_| self.entry(name, "is missing".into()))?;
        if view.dtype() != T::DTYPE {
            return Err(self.entry(name, format!("is {:?}, not {}", view.dtype(), T::NAME)));
        }
        Ok(view)
    }

    /// The entries of a tensor, where they are if they may be kept there, else a copy.
    #[allow(private_bounds)]
    pub fn numbers<T: Element>(&self, name: &str) -> Result<Numbers<T>, ArtifactError> {
        let view = self.view::<T>(name)?;
        let within = self.blob.and_then(|blob| {
            let start = view.data().as_ptr().addr().checked_sub(blob.bytes().as_ptr().addr())?;
            Numbers::within(blob, start..start + view.data().len())
        });
        Ok(within.unwrap_or_else(|| owned(&view).into()))
    }

    /// A vector of a stated length, if given.
    #[allow(private_bounds)]
    pub fn vector<T: Element>(&self, name: &str, len: Option<usize>) -> Result<Vec<T>, ArtifactError> {
        let (_, data) = self.tensor(name)?;
        match len {
            Some(len) if len != data.len() => Err(self.entry(name, format!("has {} entries, not {len}", data.len()))),
            _ => Ok(data),
        }
    }

    /// A matrix.
    pub fn matrix(&self, name: &str) -> Result<Matrix, ArtifactError> {
        let (shape, data) = self.tensor(name)?;
        match shape[..] {
            [n_rows, n_cols] => Ok(Matrix::from_vec(n_rows, n_cols, data)),
            _ => Err(self.entry(name, format!("has shape {shape:?}, not that of a matrix"))),
        }
    }

    /// Strings that [`ArtifactWriter::strings`] wrote.
    pub fn strings(&self, name: &str) -> Result<Vec<String>, ArtifactError> {
        let (_, text) = self.tensor::<u8>(&format!("{name}.text"))?;
        let (_, ends) = self.tensor::<u64>(&format!("{name}.ends"))?;
        let mut start = 0;
        let mut strings = Vec::with_capacity(ends.len());
        for end in ends {
            let bytes = text.get(start..end as usize).map(<[u8]>::to_vec);
            let string = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            strings.push(string.ok_or_else(|| self.entry(name, "is not a list of strings".into()))?);
            start = end as usize;
        }
        Ok(strings)
    }

    /// A JSON value.
    pub fn meta<T: DeserializeOwned>(&self, name: &str) -> Result<T, ArtifactError> {
        let value = self.meta.get(&format!("{}{name}", self.prefix));
        let value = value.ok_or_else(|| self.entry(name, "is missing".into()))?;
        serde_json::from_value(value.clone()).map_err(|error| self.entry(name, error.to_string()))
    }

    /// An error about one entry, for checks that the reader cannot make itself.
    pub fn entry(&self, name: &str, problem: String) -> ArtifactError {
        ArtifactError::Entry { key: format!("{}{name}", self.prefix), problem }
    }
}

fn owned<T: Element>(view: &TensorView<'_>) -> Vec<T> {
    view.data().chunks_exact(T::BYTES).map(T::get).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read_where_they_are() {
        let mut out = ArtifactWriter::new();
        out.tensor("a", &[3], vec![1_u8, 2, 3]);
        out.tensor("b", &[2], vec![1.0_f32, 2.0]);
        out.tensor("c", &[1], vec![7_u64]);
        let registry = Registry::default();
        let bytes = out.to_bytes();
        // Eight bytes at a time, so that the blob is aligned as a mapped file is.
        let words: Vec<[u8; 8]> =
            bytes.chunks(8).map(|c| std::array::from_fn(|i| c.get(i).copied().unwrap_or(0))).collect();
        struct Aligned(Vec<u64>, usize);
        impl AsRef<[u8]> for Aligned {
            fn as_ref(&self) -> &[u8] {
                &bytemuck::cast_slice(&self.0)[..self.1]
            }
        }
        let words = words.into_iter().map(u64::from_ne_bytes).collect();
        let blob = Blob::new(Aligned(words, bytes.len()));
        let reader = ArtifactReader::open_blob(&blob, &registry).unwrap();
        let (a, b, c) = (reader.numbers::<u8>("a"), reader.numbers::<f32>("b"), reader.numbers::<u64>("c"));
        let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
        assert!(!a.is_own() && !b.is_own() && !c.is_own());
        assert!(*a == [1, 2, 3] && *b == [1.0, 2.0] && *c == [7]);
        let copied = ArtifactReader::open(&bytes, &registry).unwrap().numbers::<f32>("b").unwrap();
        assert!(copied.is_own() && copied == b);
        assert!(reader.numbers::<f64>("b").is_err());
    }

    #[test]
    fn what_is_written_is_read_and_equal_content_has_equal_bytes() {
        let matrix = Matrix::from_vec(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let write = || {
            let mut out = ArtifactWriter::new();
            out.meta("name", &"x").unwrap();
            out.scope("child", |out| out.matrix("factors", &matrix));
            out.strings("ids", ["a", "", "ünï"]);
            out.to_bytes()
        };
        let bytes = write();
        assert_eq!(bytes, write());
        let registry = Registry::default();
        let reader = ArtifactReader::open(&bytes, &registry).unwrap();
        assert_eq!(reader.meta::<String>("name").unwrap(), "x");
        assert_eq!(reader.scope("child").matrix("factors").unwrap(), matrix);
        assert_eq!(reader.strings("ids").unwrap(), ["a", "", "ünï"]);
        assert!(matches!(reader.tensor::<u32>("child/factors"), Err(ArtifactError::Entry { .. })));
        assert!(reader.has("child/factors") && !reader.has("factors"));
    }

    #[test]
    fn other_versions_and_damage_are_refused() {
        let registry = Registry::default();
        let bytes = ArtifactWriter::new().to_bytes();
        let other = String::from_utf8(bytes.clone()).unwrap().replace("\\\"format\\\":1", "\\\"format\\\":9");
        let error = ArtifactReader::open(other.as_bytes(), &registry).unwrap_err();
        assert!(error.to_string().contains("format 9"), "{error}");
        assert!(matches!(ArtifactReader::open(&bytes[..9], &registry), Err(ArtifactError::Damaged(_))));
    }

    proptest::proptest! {
        #[test]
        fn damage_never_panics(position in 0_usize..200, byte: u8) {
            let mut out = ArtifactWriter::new();
            out.tensor("x", &[2], vec![1.0_f32, 2.0]);
            let mut bytes = out.to_bytes();
            let n = bytes.len();
            bytes[position % n] = byte;
            let registry = Registry::default();
            if let Ok(reader) = ArtifactReader::open(&bytes, &registry) {
                let _ = reader.tensor::<f32>("x");
            }
        }
    }
}
