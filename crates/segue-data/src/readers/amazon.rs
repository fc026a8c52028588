//! Amazon reviews of 2014 and 2018, one JSON object per line: `reviewerID`, `asin`, `overall`, `unixReviewTime`.
//!
//! `McAuley` et al., *Image-based Recommendations on Styles and Substitutes*, SIGIR 2015; Ni, Li and `McAuley`, *Justifying
//! Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects*, EMNLP 2019.

use std::borrow::Cow;

use serde::Deserialize;

use super::log::RawLog;
use super::open::Input;
use super::session::{Session, seconds};
use crate::DataError;

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(rename = "reviewerID", borrow, default)]
    user: Option<Cow<'a, str>>,
    #[serde(rename = "asin", borrow, default)]
    item: Option<Cow<'a, str>>,
    #[serde(rename = "overall", default)]
    rating: Option<f32>,
    #[serde(rename = "unixReviewTime", default)]
    time: Option<i64>,
}

pub(super) fn read(input: Input, session: &mut Session<'_>, log: &mut RawLog) -> Result<(), DataError> {
    session.each_line(input, |line| {
        let review: Review<'_> = serde_json::from_str(line).map_err(|error| format!("is not a review: {error}"))?;
        if review.rating.is_some_and(|rating| !rating.is_finite()) {
            return Err("rating is not finite".into());
        }
        let name = |cell: &Option<Cow<'_, str>>| cell.as_deref().unwrap_or_default().trim().to_owned();
        log.push(&name(&review.user), &name(&review.item), review.rating, review.time.map(seconds));
        Ok(())
    })
}
