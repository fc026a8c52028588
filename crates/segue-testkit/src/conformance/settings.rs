//! Parameters: defaults, aliases, wrong keys, wrong values.

use segue_core::{ParamError, ParamInfo};
use serde_json::{Map, Value, json};

use super::{Outcome, Subject, ensure};

/// The defaults are valid, complete and survive JSON; every alias means its parameter.
pub fn defaults_round_trip(subject: &Subject<'_>) -> Outcome {
    let complete = |params: Value| {
        let configured = subject.entry.configure(params).map_err(|error| format!("defaults: {error}"))?;
        Ok::<_, String>(configured.params())
    };
    let defaults = complete(Value::Null)?;
    ensure(defaults == complete(json!({}))?, || "no parameters and an empty object differ".into())?;
    ensure(defaults == complete(through_text(&defaults)?)?, || "defaults change on their way through JSON".into())?;
    for param in subject.entry.params {
        let default = defaults.get(param.name).ok_or_else(|| format!("`{}` is missing from JSON", param.name))?;
        ensure(!param.doc.trim().is_empty(), || format!("`{}` is not documented", param.name))?;
        for alias in param.aliases {
            let same = complete(one(alias, default.clone())).map_err(|error| format!("alias `{alias}`: {error}"))?;
            ensure(same == defaults, || format!("alias `{alias}` does not set `{}`", param.name))?;
        }
    }
    let known = defaults.as_object().map_or(0, Map::len);
    ensure(known == subject.entry.params.len(), || format!("{known} keys in JSON, not those of the parameter table"))
}

fn through_text(value: &Value) -> Result<Value, String> {
    serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
}

/// A slip in a key is refused with the key that was meant.
pub fn wrong_keys_are_refused(subject: &Subject<'_>) -> Outcome {
    let refused = |key: &str| match subject.entry.configure(one(key, json!(1))) {
        Err(ParamError::Unknown { key: named, nearest, .. }) if named == key => Ok(nearest),
        Err(error) => Err(format!("`{key}` is refused as something else: {error}")),
        Ok(_) => Err(format!("`{key}` is accepted")),
    };
    refused("no_such_parameter_anywhere")?;
    for param in subject.entry.params.iter().filter(|p| p.name.len() > 2) {
        let slip = format!("{}_", param.name);
        ensure(refused(&slip)?.is_some(), || format!("`{slip}` is refused without `{}` as the way out", param.name))?;
    }
    Ok(())
}

/// A value outside its range or of another type is refused with its key, and a range with the range.
pub fn values_out_of_range_are_refused(subject: &Subject<'_>) -> Outcome {
    let defaults = subject.entry.configure(Value::Null).map_err(|error| error.to_string())?.params();
    for param in subject.entry.params {
        let default = &defaults[param.name];
        for value in outside(param, default) {
            let error = match subject.entry.configure(one(param.name, value.clone())) {
                Ok(_) => return Err(format!("`{}` = {value} is accepted", param.name)),
                Err(error) => error.to_string(),
            };
            let told = error.contains(param.name);
            ensure(told, || format!("`{}` = {value} is refused without its name: {error}", param.name))?;
        }
        if default.is_number() || default.is_boolean() || default.is_string() {
            let error = subject.entry.configure(one(param.name, json!({ "not": "this" }))).err();
            let told = error.as_ref().is_some_and(|error| error.to_string().contains(param.name));
            ensure(told, || format!("`{}` of a wrong type: {error:?}", param.name))?;
        }
    }
    Ok(())
}

/// The nearest values on either side of the range that the type of `default` can express.
fn outside(param: &ParamInfo, default: &Value) -> Vec<Value> {
    let Some(range) = param.range else { return Vec::new() };
    let below = if range.open { range.min } else { range.min - 1.0 };
    let number = |x: f64| if default.is_u64() && x >= 0.0 { json!(x as u64) } else { json!(x) };
    [below, range.max + 1.0].into_iter().filter(|x| x.is_finite()).map(number).collect()
}

fn one(key: &str, value: Value) -> Value {
    Value::Object(std::iter::once((key.to_owned(), value)).collect())
}
