//! Every model against the same architecture in `PyTorch`, on the same weights: scores, losses, gradients
//! (`golden/neural/pairs.py`).

use candle_core::{Device, Tensor, Var};
use segue_core::{ArtifactReader, ArtifactWriter, Registry};
use serde_json::{Value, json};

use crate::engine::{Dense, Parameter, gradient, numbers};
use crate::losses::{Compared, Loss};
use crate::pairs::{PairNet, Pairing as _};
use crate::reading::Stretches;

pub(crate) fn list(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

pub(crate) fn close(found: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= 1e-5 * wanted.abs().max(1.0), "{what}: {found} for {wanted}");
    }
}

/// The dense parameters of a case, by way of an artifact, as a saved model's come.
pub(crate) fn dense(parameters: &[Parameter], values: &Value) -> Dense {
    let mut writer = ArtifactWriter::new();
    for (name, tensor) in values.as_object().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(tensor["shape"].clone()).unwrap();
        writer.tensor(name, &shape, list(&tensor["values"]));
    }
    let (bytes, registry) = (writer.to_bytes(), Registry::default());
    Dense::load(parameters, &ArtifactReader::open(&bytes, &registry).unwrap()).unwrap()
}

/// Fails where a model of pairs does not agree.
pub(crate) fn pairs_agree<N: PairNet>() {
    let golden: Value = serde_json::from_str(include_str!("../../../golden/neural/pairs.json")).unwrap();
    let name = N::INFO.name;
    let case = &golden["models"][name];
    let mut params = serde_json::Map::new();
    for key in ["factors", "mlp_layers"] {
        if N::PARAMS.iter().any(|param| param.name == key) {
            params.insert(key.into(), golden[key].clone());
        }
    }
    let model: N = serde_json::from_value(Value::Object(params)).unwrap();
    let net = model.net();
    let dense = dense(&net.parameters(), &case["dense"]);
    let weights = dense.leaves().unwrap();
    let table = |key: &str, width: usize| {
        let values = list(&case[key]);
        Var::from_slice(&values, (values.len() / width, width), &Device::Cpu).unwrap()
    };
    let widths = net.widths();
    let (users, items) = (table("users", widths.iter().sum()), table("items", widths.iter().sum()));
    let rows = |ids: &[u32]| Tensor::from_slice(ids, ids.len(), &Device::Cpu).unwrap();
    let who = ids(&golden["rows"]["users"]);
    let what: Vec<u32> = golden["rows"]["items"].as_array().unwrap().iter().flat_map(ids).collect();
    let parts = |table: &Var, ids: &[u32]| -> Vec<Tensor> {
        let rows = table.as_tensor().index_select(&rows(ids), 0).unwrap();
        let starts = widths.iter().scan(0, |start, width| Some(std::mem::replace(start, *start + width)));
        starts.zip(&widths).map(|(start, &width)| rows.narrow(1, start, width).unwrap()).collect()
    };
    let met = net.users(&parts(&users, &who), &weights).unwrap();
    let meeting = net.items(&parts(&items, &what), &weights).unwrap();
    let every: Vec<u32> = (0..items.dim(0).unwrap() as u32).collect();
    let said = net.said(&parts(&items, &every), &weights).unwrap();
    let liked: Vec<Vec<u32>> = golden["rows"]["liked"].as_array().unwrap().iter().map(ids).collect();
    let liked = Stretches::of(liked.iter().map(Vec::as_slice));
    let scores = net.meet_reading(&met, &meeting, (&said, &liked), &weights, None).unwrap();
    close(&numbers(&scores).unwrap(), &list(&case["scores"]), name);

    for (loss, wanted) in case["losses"].as_object().unwrap() {
        let of: Loss = serde_json::from_value(json!(loss)).unwrap();
        let compared = Compared { scores: &scores, signs: None, negatives: 2, margin: 1.0, power: 1.0 };
        let value = of.of(compared).unwrap().mean_all().unwrap();
        let what = format!("{name}, {loss}");
        close(&[value.to_scalar().unwrap()], &[wanted["loss"].as_f64().unwrap() as f32], &what);
        let gradients = value.backward().unwrap();
        let of = |leaf: &Tensor| gradient(&gradients, leaf).unwrap();
        close(&of(users.as_tensor()), &list(&wanted["users"]), &format!("{what}, users"));
        close(&of(items.as_tensor()), &list(&wanted["items"]), &format!("{what}, items"));
        for (parameter, tensor) in wanted["dense"].as_object().unwrap() {
            close(&of(weights.get(parameter).unwrap()), &list(&tensor["values"]), &format!("{what}, {parameter}"));
        }
    }
}
