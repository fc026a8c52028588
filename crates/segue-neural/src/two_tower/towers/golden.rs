//! Two towers against the same architecture in `PyTorch`, on the same weights: loss, gradients, scores
//! (`golden/neural/towers.py`).

use segue_core::{Candidates, Csr, Event, Features, IdMap, Interactions, Signal};
use segue_testkit::World;
use serde_json::Value;

use super::*;
use crate::golden::{close, dense, list};

/// The likes of the golden program, each a second after the one before, and its items with their features.
fn world(golden: &Value) -> World {
    let likes: Vec<Vec<ItemId>> = serde_json::from_value(golden["likes"].clone()).unwrap();
    let features: Vec<Vec<u32>> = serde_json::from_value(golden["features_of_items"].clone()).unwrap();
    let event = |user: usize, (n, &item): (usize, &ItemId)| Event {
        user: user as UserId,
        item,
        weight: 1.0,
        signal: Signal::Positive,
        value: 1.0,
        time: Some(n as i64),
    };
    let events =
        likes.iter().enumerate().flat_map(|(user, liked)| liked.iter().enumerate().map(move |like| event(user, like)));
    let world = World::of(Interactions::new(likes.len(), features.len(), events.collect()).unwrap());
    let n_features = golden["n_features"].as_u64().unwrap() as usize;
    let names = IdMap::new((0..n_features).map(|n| n.to_string()).collect());
    let rows = features.into_iter().map(|own| own.into_iter().map(|feature| (feature, ())).collect()).collect();
    let features = Features::new(names, Csr::from_rows(n_features, rows).unwrap()).unwrap();
    World { catalogue: world.catalogue.with_features(features), ..world }
}

/// The gradient of every row of a table.
fn whole(gradients: &RowGradients, table: &Matrix) -> Vec<f32> {
    let mut all = RowGradients::all(vec![0.0; table.as_slice().len()], table.n_cols());
    all.add(gradients);
    all.data
}

#[test]
fn towers_agree_with_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../../../../../golden/neural/towers.json")).unwrap();
    let world = world(&golden);
    let data = TrainData { catalogue: &world.catalogue, log: &world.log };
    for case in golden["cases"].as_array().unwrap() {
        let mut params = golden["params"].as_object().unwrap().clone();
        params.extend(case["params"].as_object().unwrap().clone());
        let named = case["params"].to_string();
        let net: TwoTower = serde_json::from_value(Value::Object(params)).unwrap();
        let net = TwoTower { id_dropout: 0.0, ..net };
        let mut training = Training::new(&net, &data, Seed::new(1)).unwrap();
        let tables =
            [("users", &mut training.users), ("items", &mut training.items), ("features", &mut training.of_features)];
        for (name, table) in tables {
            table.matrix = Matrix::from_vec(table.matrix.n_rows(), net.factors, list(&case[name]));
        }
        training.learning.dense = dense(&net.parameters(), &case["dense"]);

        let batch: Vec<u32> = (0..training.positives.len() as u32).collect();
        // Of the draws, some by which nobody of the batch is taken for somebody new.
        let known = |seed: &Seed| (0..batch.len()).all(|n| training.known(*seed, n) == Known::All);
        let samples = (0..100).map(Seed::new).find(known).unwrap();
        let (loss, of_tables, of_dense) = training.gradients(&batch, samples).unwrap();
        close(&[(loss / batch.len() as f64) as f32], &list(&Value::from(vec![case["loss"].clone()])), &named);
        let tables =
            [("of_users", &training.users), ("of_items", &training.items), ("of_features", &training.of_features)];
        for ((name, table), found) in tables.into_iter().zip(&of_tables) {
            close(&whole(found, &table.matrix), &list(&case[name]), &format!("{named}, {name}"));
        }
        for (name, found) in training.learning.dense.names().zip(&of_dense) {
            close(found, &list(&case["of_dense"][name]["values"]), &format!("{named}, {name}"));
        }

        let model = training.snapshot();
        let queries: Vec<_> = (0..world.log.n_users() as UserId).map(|user| world.known(user)).collect();
        let n_items = world.log.n_items() as ItemId;
        let mut scores = vec![f32::NAN; queries.len() * n_items as usize];
        Recommender::encode(&model, &queries).score(Candidates::Range(0..n_items), &mut scores);
        close(&scores, &list(&case["scores"]), &format!("{named}, scores"));
    }
}
