//! What a value of a configuration must be, in words rather than in types of the program.

/// What the deserialiser's words end in, and what people call it.
const WORDS: [(&str, &str); 17] = [
    ("usize", "a whole number of at least 0"),
    ("u64", "a whole number of at least 0"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u16", "a whole number from 0 to 65535"),
    ("u8", "a whole number from 0 to 255"),
    ("i64", "a whole number"),
    ("i32", "a whole number from -2147483648 to 2147483647"),
    ("f64", "a number"),
    ("f32", "a number"),
    ("a boolean", "true or false"),
    ("a string", "a text"),
    ("path string", "a path"),
    ("a character", "one character"),
    ("a sequence", "a list, as [a, b]"),
    ("a map", "a group of keys, as {a: 1}"),
    ("fewer elements in array", "a shorter list"),
    ("an array of length 2", "a list of two, as [a, b]"),
];

/// Types with several ways to be written, of which the deserialiser tells the type alone.
const EITHER: [(&str, &str); 4] = [
    ("OneOrMany", "one value, or a list of them, as [a, b]"),
    ("Column", "the name of a column, or its position from 0"),
    ("Wanted", "a value, or a list of values"),
    ("Scalar", "a text, a number, or true or false"),
];

/// The message of a value that was refused, with what is expected in words: `invalid value: integer -1, expected usize` says
/// little to who writes a configuration. Other messages are returned as they are.
pub fn in_words(message: &str) -> String {
    if let Some(name) = message.strip_prefix("data did not match any variant of untagged enum ") {
        let known = EITHER.iter().find(|(known, _)| *known == name);
        return known.map_or_else(|| message.to_owned(), |(_, words)| format!("expected {words}"));
    }
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    match WORDS.iter().find(|(known, _)| *known == expected) {
        Some((_, words)) => format!("{found}, expected {words}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn types_of_the_program_are_said_in_words() {
        fn said<T: DeserializeOwned>(value: Value) -> String {
            in_words(&serde_json::from_value::<T>(value).err().unwrap().to_string())
        }
        assert_eq!(said::<usize>(json!(-1)), "invalid value: integer `-1`, expected a whole number of at least 0");
        assert!(said::<Option<u64>>(json!(1.5)).ends_with("expected a whole number of at least 0"));
        assert!(said::<u32>(json!(1_u64 << 32)).ends_with("expected a whole number from 0 to 4294967295"));
        assert!(said::<f32>(json!("x")).ends_with("expected a number"));
        assert!(said::<bool>(json!(3)).ends_with("expected true or false"));
        assert!(said::<String>(json!(3)).ends_with("expected a text"));
        assert!(said::<std::path::PathBuf>(json!(3)).ends_with("expected a path"));
        assert!(said::<char>(json!("ab")).ends_with("expected one character"));
        assert!(said::<Vec<u8>>(json!(3)).ends_with("expected a list, as [a, b]"));
        assert!(said::<[f32; 2]>(json!(3)).ends_with("expected a list of two, as [a, b]"));
        assert!(said::<[f32; 2]>(json!([1, 2, 3])).ends_with("expected a shorter list"));
        assert_eq!(in_words("x is no moment"), "x is no moment");
    }
}
