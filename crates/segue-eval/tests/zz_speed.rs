use segue_core::*;
use segue_eval::*;
use std::time::Instant;
struct Dot(Matrix, Matrix);
impl Recommender for Dot {
    fn encode<'a>(&'a self, q: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(DotScorer::new(&self.1, q, |q| self.0.row(q.user.unwrap() as usize).to_vec()))
    }
    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}
#[test]
fn speed() {
    let (nu, ni, d) = (29858usize, 40981usize, 64usize);
    let mut s = Seed::new(1).stream();
    let m = |s: &mut Stream, n: usize| Matrix::from_vec(n, d, (0..n * d).map(|_| s.normal() as f32).collect());
    let model = Dot(m(&mut s, nu), m(&mut s, ni));
    let mut ev = |per: usize| {
        let e = (0..nu * per)
            .map(|n| Event {
                user: (n / per) as u32,
                item: s.below(ni as u32),
                weight: 1.0,
                signal: Signal::Positive,
                value: 1.0,
                time: None,
            })
            .collect();
        Interactions::new(nu, ni, e).unwrap()
    };
    let (train, test) = (ev(27), ev(7));
    let users = IdMap::new((0..nu).map(|u| u.to_string()).collect::<Vec<_>>());
    let holdout = Holdout { events: test, negatives: None };
    let q = Question {
        items: 0..ni as u32,
        users: &users,
        train: &train,
        known: &train,
        holdout: &holdout,
        part: Part::Test,
        output: Output::Ranking,
        split: "s",
    };
    let mut p = Protocol {
        metrics: vec!["recall".parse().unwrap(), "ndcg".parse().unwrap()],
        cutoffs: vec![20],
        ..Protocol::default()
    };
    let t = Instant::now();
    let e = evaluate(&model, &q, &p).unwrap();
    println!("full {:?} {:?}", t.elapsed(), e.values());
    let t = Instant::now();
    let asks: Vec<_> = (0..2048u32).map(|u| Query { user: Some(u), history: History::EMPTY }).collect();
    let mut out = vec![0.0; 64 * ni];
    for a in asks.chunks(64) {
        model.encode(a).score(segue_core::Candidates::Range(0..ni as u32), &mut out);
    }
    println!("scoring alone, one thread, 2048 users {:?}", t.elapsed());
    let t = Instant::now();
    let i = Bootstrap::default().intervals(&e).unwrap();
    println!("bootstrap {:?} {:?}", t.elapsed(), i);
    p.candidates = segue_eval::Candidates::Sampled { n: 99, seed: 0 };
    let t = Instant::now();
    evaluate(&model, &q, &p).unwrap();
    println!("sampled {:?}", t.elapsed());
}
