//! Whether what is planted can be found: an independent judge of the sample world.
//!
//! The judge is EASE (Steck, *Embarrassingly shallow autoencoders for sparse data*, WWW 2019) written out plainly:
//! `score = target part of EASE on films alone + w · source part of EASE on everything`, the source part centred over
//! people so that it holds no popularity, and w chosen on validation. A joint model of this kind can ignore a source that
//! tells nothing, so what it gains is what was planted.

use segue_core::{Holdout, Matrix, OpenedTests, Prepared, Sealed, Signal, Split, Task, TaskKind, UserId};

use super::{World, WorldConfig, shuffle_links};

const FILMS: usize = 1;

fn config(strength: f64, seed: u64) -> WorldConfig {
    let mut config = WorldConfig { strength, seed, n_users: 800, ..WorldConfig::small() };
    (config.films.n_items, config.books.n_items) = (300, 0);
    config
}

/// Everyone's last liked film is test, the one before it validation; people with fewer than three are not asked.
fn leave_last_out(world: &World) -> Prepared {
    let clean = world.interactions();
    let films = clean.catalogue.range(FILMS);
    let last_two = (0..clean.users.len() as UserId).map(|user| {
        let history = clean.log.user(user);
        let liked = |&n: &usize| films.contains(&history.items[n]) && history.signals[n] == Signal::Positive;
        let liked: Vec<u32> = (0..history.len()).filter(liked).map(|n| history.items[n]).collect();
        if let [_, .., valid, test] = liked[..] { Some((valid, test)) } else { None }
    });
    let last_two: Vec<Option<(u32, u32)>> = last_two.collect();
    let is_valid = |user: u32, item: u32| last_two[user as usize].is_some_and(|(valid, _)| valid == item);
    let is_test = |user: u32, item: u32| last_two[user as usize].is_some_and(|(_, test)| test == item);
    let task = Task {
        name: "films".into(),
        kind: TaskKind::Intra,
        target: FILMS,
        valid: Holdout { events: clean.log.filter(|e| is_valid(e.user, e.item)), negatives: None },
        test: Sealed::new(Holdout { events: clean.log.filter(|e| is_test(e.user, e.item)), negatives: None }),
    };
    let train = clean.log.filter(|e| !is_valid(e.user, e.item) && !is_test(e.user, e.item));
    let split = Split { train, tasks: vec![task], protocol: "last liked film".into() };
    Prepared { users: clean.users, catalogue: clean.catalogue, split }
}

/// `B = I − P · diag(1 / P)`, `P = (XᵀX + l2 · I)⁻¹` by Gauss and Jordan's elimination.
fn ease(prepared: &Prepared, l2: f32) -> Matrix {
    let n = prepared.catalogue.n_items();
    let likes = prepared.split.train.positives();
    let mut p = Matrix::zeros(n, n);
    for user in 0..likes.n_rows() {
        for &i in likes.cols_of(user) {
            for &j in likes.cols_of(user) {
                p.row_mut(i as usize)[j as usize] += 1.0;
            }
        }
    }
    for i in 0..n {
        p.row_mut(i)[i] += l2;
    }
    for pivot in 0..n {
        let scale = 1.0 / p.row(pivot)[pivot];
        p.row_mut(pivot)[pivot] = 1.0;
        p.row_mut(pivot).iter_mut().for_each(|x| *x *= scale);
        let pivot_row = p.row(pivot).to_vec();
        for i in (0..n).filter(|&i| i != pivot) {
            let factor = std::mem::take(&mut p.row_mut(i)[pivot]);
            segue_core::kernels::axpy(-factor, &pivot_row, p.row_mut(i));
        }
    }
    let diagonal: Vec<f32> = (0..n).map(|i| p.row(i)[i]).collect();
    for i in 0..n {
        for (j, x) in p.row_mut(i).iter_mut().enumerate() {
            *x = if i == j { 0.0 } else { -*x / diagonal[j] };
        }
    }
    p
}

/// Scores of all films for all people (`n_users × n_films`) from liked items of one side.
fn scores(prepared: &Prepared, weights: &Matrix, from_films: bool) -> Matrix {
    let target = prepared.catalogue.find_domain("films").unwrap();
    let films = prepared.catalogue.range(target);
    let likes = prepared.split.train.positives();
    let mut scores = Matrix::zeros(likes.n_rows(), films.len());
    for user in 0..likes.n_rows() {
        for &i in likes.cols_of(user).iter().filter(|i| films.contains(i) == from_films) {
            let row = &weights.row(i as usize)[films.start as usize..films.end as usize];
            segue_core::kernels::axpy(1.0, row, scores.row_mut(user));
        }
    }
    scores
}

/// Takes each item's mean over the people who have a score at all.
fn centre(scores: &mut Matrix) {
    let scored: Vec<usize> = (0..scores.n_rows()).filter(|&u| scores.row(u).iter().any(|&x| x != 0.0)).collect();
    let mut mean = vec![0.0; scores.n_cols()];
    for &u in &scored {
        segue_core::kernels::axpy(1.0 / scored.len() as f32, scores.row(u), &mut mean);
    }
    for &u in &scored {
        segue_core::kernels::axpy(-1.0, &mean, scores.row_mut(u));
    }
}

/// Mean NDCG without cut-off of the people asked, over all films they have not met in training: a rank counts wherever it
/// is, which tells small gains from chance better than a cut-off does.
fn ndcg(prepared: &Prepared, asked: &Holdout, own: &Matrix, source: &Matrix, w: f32) -> f64 {
    let start = prepared.catalogue.range(FILMS).start;
    let judged = asked.users().into_iter().map(|user| {
        let asked = (asked.events.user(user).items[0] - start) as usize;
        let (own, source) = (own.row(user as usize), source.row(user as usize));
        let score = |film: usize| own[film] + w * source[film];
        let seen = prepared.split.train.seen(user);
        let unseen = |&film: &usize| film != asked && seen.binary_search(&(film as u32 + start)).is_err();
        let above = (0..own.len()).filter(unseen).filter(|&film| score(film) >= score(asked)).count();
        1.0 / (above as f64 + 2.0).log2()
    });
    mean(judged)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    sum / n
}

/// Test NDCG of the target-only judge and of the joint one.
fn judge(prepared: &Prepared) -> (f64, f64) {
    const WEIGHTS: [f32; 6] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0];
    let alone = prepared.only(FILMS);
    let own = scores(&alone, &ease(&alone, 30.0), true);
    let mut source = scores(prepared, &ease(prepared, 200.0), false);
    centre(&mut source);
    let task = &prepared.split.tasks[0];
    let chosen = WEIGHTS.map(|w| (ndcg(prepared, &task.valid, &own, &source, w), w));
    let (_, w) = chosen.into_iter().fold((f64::NEG_INFINITY, 0.0), |best, new| if new.0 > best.0 { new } else { best });
    let test = task.test.open(&mut OpenedTests::default(), "the judge");
    (ndcg(prepared, test, &own, &source, 0.0), ndcg(prepared, test, &own, &source, w))
}

#[test]
fn more_is_found_where_more_is_planted_and_nothing_where_links_are_cut() {
    const SEEDS: u64 = 8;
    const STRENGTHS: [f64; 4] = [0.0, 0.25, 0.5, 1.0];
    let rows = STRENGTHS.map(|strength| {
        let judged = (1..=SEEDS).map(|seed| {
            let world = World::generate(&config(strength, seed)).unwrap();
            let prepared = leave_last_out(&world);
            let (alone, joint) = judge(&prepared);
            let (_, placebo) = judge(&shuffle_links(&prepared, &[0], seed));
            (alone, joint, placebo)
        });
        let judged: Vec<_> = judged.collect();
        let alone = mean(judged.iter().map(|x| x.0));
        let gain = mean(judged.iter().map(|x| x.1)) / alone - 1.0;
        let placebo = mean(judged.iter().map(|x| x.2)) / alone - 1.0;
        println!(
            "strength {strength:.2}: films alone {alone:.4}, joint {:+.1} %, shuffled {:+.1} %",
            100.0 * gain,
            100.0 * placebo
        );
        (gain, placebo)
    });
    let gains = rows.map(|row| row.0);
    assert!(gains.windows(2).all(|pair| pair[0] < pair[1]), "gains grow: {gains:?}");
    assert!(gains[0].abs() < 0.01, "nothing at strength 0: {gains:?}");
    assert!(gains[2] > 0.01 && gains[3] > 0.12, "measurable at 0.5, clear at 1: {gains:?}");
    assert!(rows.iter().all(|row| row.1.abs() < 0.01), "nothing with shuffled links: {rows:?}");
}
