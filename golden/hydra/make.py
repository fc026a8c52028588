"""Golden cases of Hydra's override grammar and composition, made by Hydra itself.

    python3 -m venv venv && venv/bin/pip install hydra-core==1.3.8 omegaconf==2.3.1
    venv/bin/python golden/hydra/make.py

writes overrides.json and compose.json beside this file. Comparison is exact: no tolerance. Cases in which our parser
differs on purpose stay in the files; the tests name each with its reason.
"""

import json
import math
import pathlib
import shlex
import tempfile

import hydra
import omegaconf
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    QuotedString,
    RangeSweep,
)
from omegaconf import OmegaConf

VERSIONS = {"hydra-core": hydra.__version__, "omegaconf": omegaconf.__version__}

# The commands of the README of a Hydra-based movie recommender, without the program name.
COMMANDS = r"""
model=lightgcn
model=lightgcn model.embedding_dim=128 model.num_layers=4 trainer.max_epochs=100 trainer.learning_rate=0.001
model=lightgcn model.embedding_dim=64 model.num_layers=3 model.dropout=0.1 trainer.batch_size=2048 trainer.learning_rate=0.001
model=ngcf model.embedding_dim=64 model.hidden_dims=[64,64,64] model.dropout=0.1 model.message_dropout=0.1 trainer.learning_rate=0.0001
model=ncf model.mf_dim=64 model.mlp_layers=[128,64,32,16] model.dropout=0.2 model.num_negatives=4 trainer.learning_rate=0.001
model=ncf model.loss_type=bce trainer.batch_size=1024 trainer.max_epochs=50
model=svd model.n_factors=100 model.n_epochs=20 model.lr_all=0.005 model.reg_all=0.02
model=svd model.biased=false model.n_factors=150
model=item_cf model.k=40 model.similarity=pearson
model=item_cf model.k=50 model.similarity=pearson_baseline model.shrinkage=100
model=hybrid_ensemble model.models=[ncf,item_cf] model.fusion_method=weighted_average
model=hybrid_ensemble model.learn_weights=true model.fusion_method=rrf
model=lightgcn,ngcf,ncf,svd,item_cf seed=42,123,456
model=lightgcn model.embedding_dim=32,64,128 model.num_layers=2,3,4 trainer.learning_rate=0.001,0.0001
model=ncf model.mf_dim=32,64 model.mlp_layers='[64,32,16]','[128,64,32,16]' model.dropout=0.1,0.2,0.3
model=lightgcn,ngcf,ncf trainer.learning_rate=0.0001,0.0005,0.001,0.005
model=lightgcn device=cuda
model=lightgcn logger.use_mlflow=true logger.use_wandb=true logger.wandb.project=movie-rec-exp
model=lightgcn trainer.early_stopping.enabled=true trainer.early_stopping.patience=20 trainer.early_stopping.metric=ndcg@10 trainer.early_stopping.mode=max
model=lightgcn experiment_name=lightgcn_experiments run_name=exp_lr0.001_emb128 model.embedding_dim=128
model=lightgcn evaluation.k_values=[5,10,20] evaluation.metrics=['precision','recall','ndcg','hit_rate']
model=ngcf trainer.batch_size=512 trainer.accumulate_grad_batches=4
model=ncf model.mlp_layers=[64,32,16] data.train_size=0.5
"""

OVERRIDES = [
    # keys
    "a=1", "a.b.c=1", "a-b=1", "_a=1", "$a=1", "a.$b=1", "a.0=1", "a.0.b=1", "a/b=c", "a/b/c=d", "a/b@c.d=e", "a@b=c",
    "a@=c", "a@b.0=c", "+a=1", "++a=1", "~a", "~a=1", "~a=", "~a@b", "~a/b=c", "+a@b=c", "a=", "a= ", "=1", "0=1", "1a=1",
    "a[0]=1", "a b=1", "a.b/c=1", "a/=1", "a@b@c=1", "a..b=1", ".a=1", "a.=1", "a", "+a", "++a", "", "a:b=1", "a =1",
    "a/b.c=1", "a-b/c-d=1", "a.01=1", "a.10=1",
    # primitives
    "a=null", "a=NULL", "a=nul", "a=true", "a=TrUe", "a=falsey", "a=0", "a=-0", "a=+7", "a=1_000", "a=1__0", "a=_1", "a=007",
    "a=0x10", "a=12abc", "a=99999999999999999999", "a=9223372036854775807", "a=0.001", "a=.5", "a=5.", "a=-.5", "a=1e3",
    "a=1E-3", "a=1.e3", "a=1_0.2_5", "a=1e1_0", "a=1e", "a=1.5.2", "a=00.5", "a=inf", "a=-INF", "a=+inf", "a=nan", "a=info",
    "a=nan-x", "a=b", "a=b-c", "a=b c", "a= b ", "a=b  c", "a=1 2", "a=\tb", "a=b\tc", "a=b:c", "a=b : c", "a=:", "a=1:30",
    "a=/x/y.z", "a=a+b", "a=50%", "a=*", "a=b@c", "a=?", "a=a|b", "a=\\", "a=\\\\", "a=\\x", "a=\\,", "a=a\\,b", "a=a\\=b",
    "a=\\(x\\)", "a=\\[x\\]", "a=\\{x\\}", "a=a\\:b", "a=a\\ b", "a=\\ ", "a=b\\ ", "a=\\\\\\,", "a=b=c", "a=b#c", "a=!b",
    "a=~b", "a=b&c", "a=b;c", "a=<b>", "a=caf\u00e9", "a=$x", "a=$", "a=ndcg@10", "a=http://localhost:5000/x?y",
    "a=exp_lr0.001_emb128", "a=2024-01-31", "a=1.2.3-rc1", "a=-", "a=--x",
    # quotes
    "a=''", 'a=""', "a='b'", 'a="b c"', "a='b,c'", "a='[1,2]'", "a='null'", "a='1'", "a='it\\'s'", "a=\"it's\"", "a='\"'",
    'a="a\\"b"', "a='a\\\\'", "a='\\\\'", "a='\\\\\\\\'", "a='a\\\\\\'b'", "a='a\\nb'", "a='a\\\\b'", "a='${b.${c}}'", "a='b",
    "a='b\\'", "a='b'c", "a=b'c'", "a='it''s'", "a='b' ", "a= 'b'", "a='','x'", "a='\\''", "a='a=b'", "a='#!~'",
    # interpolations
    "a=${b}", "a=${b.c}", "a=${.b}", "a=x${b}y", "a=${b}${c}", "a=${oc.env:USER,me}", "a=${b.${c}}", "a=${", "a=${}", "a=[${b},1]",
    "a={b:${c}}", "a=${b},${c}", "a=dir/${now:%Y-%m-%d}",
    # containers
    "a=[]", "a=[ ]", "a=[1]", "a=[1,2]", "a=[ 1 , 2 ]", "a=[b c,d]", "a=['b','c']", "a=[[1,2],[3]]", "a=[a:b]", "a=[null,true,.5]",
    "a=[1,]", "a=[,1]", "a=[1", "a=1]", "a=[1]x", "a=[1] ", "a={}", "a={ }", "a={b:1}", "a={b: 1, c: d}", "a={b:{c:[1,{d:e}]}}",
    "a={1:2}", "a={b c:1}", "a={b:c:d}", "a={b}", "a={b:}", "a={:1}", "a={b:1", "a={b:1,}", "a={'b':1}", "a={b/c:1}", "a={b.c:1}",
    "a={0.5:1}", "a={b\\:c:1}", "a=[[]]", "a=[{}]", "a={a:[]}",
    # sweeps and functions
    "a=1,2", "a=b,c,d", "a= 1 , 2 ", "a=[1],[2]", "a={b:1},{b:2}", "a='x','y'", "a=null,1", "a=1,", "a=,1", "a=,", "a=choice(b,c)",
    "a=choice (b, c)", "a=choice( b ,c )", "a=choice(1)", "a=choice([1],{b:2})", "a=choice()", "a=choice(choice(a),b)", "a=range(5)",
    "a=range(1,5)", "a=range(1,10,3)", "a=range(5,1,-2)", "a=range(0,1,0.25)", "a=range(1,stop=3)", "a=range(start=1,stop=3,step=1)",
    "a=range(1.5,3.5)", "a=range()", "a=range(b)", "a=range(1,2,3,4)", "a=interval(0,1)", "a=interval(0.5,end=2)", "a=interval(1)",
    "a=glob(*)", "a=glob(b*,exclude=c)", "a=glob([a,b*],exclude=[c,d])", "a=glob()", "a=tag(x,choice(1,2))", "a=tag(x,y,range(3))",
    "a=tag(x,sweep=choice(1,2))", "a=tag(x)", "a=sort(3,1,2)", "a=sort([3,1,2])", "a=sort([b,a],reverse=true)", "a=sort(choice(2,1))",
    "a=sort(range(10,1,-3))", "a=sort(range(10,1,-2))", "a=sort(range(1,9,2),reverse=true)", "a=sort(list=[2,1])", "a=sort(1)", "a=sort(1,b)", "a=sort()",
    "a=shuffle(choice(1,2))", "a=shuffle(range(3))", "a=shuffle(1,2)", "a=shuffle([1])", "a=int(3.7)", "a=int('12')", "a=int(true)",
    "a=int(b)", "a=int(1.5,2.5)", "a=int([1.5,{b:2.5}])", "a=int(value=2.5)", "a=float(3)", "a=float('1e-3')", "a=float(range(1,3))",
    "a=str(1)", "a=str(1e-5)", "a=str(1e20)", "a=str(0.1)", "a=str(true)", "a=str(choice(1,2))", "a=str(null)", "a=bool(0)", "a=bool(true)",
    "a=bool(FALSE)", "a=bool(yes)", "a=int(float(1))", "a=f(1)", "a=choice(1", "a=choice 1)", "a=sort(reverse=true,1)", "a=b(c)",
    "a=[choice(1,2)]", "a=range(1,3),4", "a=choice(b=1)", "~a=1,2", "a=int(choice(1.5,2.5))", "a=choice(int(1.5,2.5))",
]

# name, files, overrides
COMPOSITIONS = [
    ("self last by default", {"config": "a: 1\ndefaults:\n- db: mysql\ndb: {user: me}", "db/mysql": "user: root\nport: 1"}, []),
    ("self first", {"config": "defaults:\n- _self_\n- db: mysql\ndb: {user: me, x: 1}", "db/mysql": "user: root"}, []),
    ("self in the middle", {"config": "defaults:\n- a: x\n- _self_\n- b: y\nv: {k: self}",
     "a/x": "# @package v\nk: a\nl: a\nm: a", "b/y": "# @package v\nm: b"}, []),
    ("choice on the command line", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1", "db/pg": "n: 2"}, ["db=pg", "db.n=3"]),
    ("unknown option", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1"}, ["db=oracle"]),
    ("group not in the list", {"config": "a: 1", "db/mysql": "n: 1"}, ["db=mysql"]),
    ("append a group", {"config": "a: 1", "db/mysql": "n: 1"}, ["+db=mysql"]),
    ("append twice", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1", "db/pg": "n: 2"}, ["+db=pg"]),
    ("append at a package", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1"}, ["+db@backup.db=mysql"]),
    ("append to the root", {"config": "a: 1", "db/mysql": "n: 1"}, ["+db@_global_=mysql"]),
    ("delete a group", {"config": "defaults:\n- db: mysql\n- x: y", "db/mysql": "n: 1", "x/y": "z: 1"}, ["~db"]),
    ("delete a group by option", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1"}, ["~db=mysql"]),
    ("delete a group by another option", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1"}, ["~db=pg"]),
    ("force a group", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1"}, ["++db=mysql"]),
    ("null choice", {"config": "defaults:\n- db: null\n- _self_\na: 1", "db/mysql": "n: 1"}, ["db=mysql"]),
    ("null choice left", {"config": "defaults:\n- db: null\n- _self_\na: 1", "db/mysql": "n: 1"}, []),
    ("null on the command line", {"config": "defaults:\n- db: mysql", "db/mysql": "n: 1"}, ["db=null"]),
    ("missing choice", {"config": "defaults:\n- db: ???", "db/mysql": "n: 1"}, []),
    ("missing choice given", {"config": "defaults:\n- db: ???", "db/mysql": "n: 1"}, ["db=mysql"]),
    ("optional", {"config": "defaults:\n- optional db: oracle\n- _self_\na: 1", "db/mysql": "n: 1"}, []),
    ("package in the list", {"config": "defaults:\n- db@src: mysql\n- db@dst: pg", "db/mysql": "n: 1", "db/pg": "n: 2"}, ["db@dst=mysql", "src.n=5"]),
    ("package not in the list", {"config": "defaults:\n- db@src: mysql", "db/mysql": "n: 1"}, ["db=mysql"]),
    ("package here", {"config": "defaults:\n- db@_here_: mysql", "db/mysql": "n: 1"}, []),
    ("package group", {"config": "defaults:\n- db@_group_.x: mysql", "db/mysql": "n: 1"}, []),
    ("package global", {"config": "defaults:\n- a: x", "a/x": "defaults:\n- b@_global_.q: y\nk: 1", "a/b/y": "m: 1"}, []),
    ("package header", {"config": "defaults:\n- db: mysql", "db/mysql": "# @package a.b\nn: 1"}, ["a.b.n=2"]),
    ("package header beats nothing but the group", {"config": "defaults:\n- db@z: mysql", "db/mysql": "# @package a.b\nn: 1"}, []),
    ("list of options", {"config": "defaults:\n- s: [x, y]", "s/x": "v: x\nk: 1", "s/y": "v: y"}, []),
    ("list of options on the command line", {"config": "defaults:\n- s: [x]", "s/x": "v: x\nk: 1", "s/y": "v: y"}, ["s=[y,x]"]),
    ("a file of the same directory", {"config": "defaults:\n- db: mysql", "db/base": "n: 1\nm: 1", "db/mysql": "defaults:\n- base\nn: 2"}, []),
    ("a file of the same directory after self", {"config": "defaults:\n- db: mysql", "db/base": "n: 1\nm: 1", "db/mysql": "defaults:\n- _self_\n- base\nn: 2"}, []),
    ("nested group", {"config": "defaults:\n- server: apache", "server/apache": "defaults:\n- db: mysql\nport: 80",
     "server/db/mysql": "n: 1", "server/db/pg": "n: 2"}, ["server/db=pg"]),
    ("nested absolute group", {"config": "defaults:\n- server: apache", "server/apache": "defaults:\n- /db: mysql\nport: 80",
     "db/mysql": "n: 1", "db/pg": "n: 2"}, ["db@server.db=pg"]),
    ("nested group to a package", {"config": "defaults:\n- server: apache", "server/apache": "defaults:\n- /db@backup: mysql", "db/mysql": "n: 1"}, []),
    ("override in a nested list", {"config": "defaults:\n- server: apache\n- override server/db: pg", "server/apache": "defaults:\n- db: mysql",
     "server/db/mysql": "n: 1", "server/db/pg": "n: 2"}, []),
    ("override before an item", {"config": "defaults:\n- db: mysql\n- override db: pg\n- x: y", "db/mysql": "n: 1", "db/pg": "n: 2", "x/y": "z: 1"}, []),
    ("override of nothing", {"config": "defaults:\n- override db: pg", "db/pg": "n: 2"}, []),
    ("experiment", {"config": "defaults:\n- model: ease\n- trainer: default\n- experiment: null\n- _self_\nseed: 1",
     "model/ease": "l2: 1", "model/ials": "factors: 8", "trainer/default": "epochs: 10\nlr: 0.1",
     "experiment/best": "# @package _global_\ndefaults:\n- override /model: ials\nseed: 7\ntrainer: {lr: 0.5}\nmodel: {factors: 9}"}, ["experiment=best"]),
    ("experiment after self", {"config": "defaults:\n- _self_\n- model: ease\n- experiment: null\nseed: 1", "model/ease": "l2: 1", "model/ials": "factors: 8",
     "experiment/best": "# @package _global_\ndefaults:\n- override /model: ials\n- _self_\nseed: 7"}, ["experiment=best"]),
    ("the command line beats the experiment", {"config": "defaults:\n- model: ease\n- experiment: null", "model/ease": "l2: 1", "model/ials": "factors: 8",
     "experiment/best": "# @package _global_\ndefaults:\n- override /model: ials\nmodel: {x: 1}"}, ["experiment=best", "model=ease", "model.x=2"]),
    ("experiment by plus", {"config": "defaults:\n- model: ease", "model/ease": "l2: 1", "model/ials": "factors: 8",
     "experiment/best": "# @package _global_\ndefaults:\n- override /model: ials\nmodel: {x: 1}"}, ["+experiment=best"]),
    ("two overrides, the later item wins", {"config": "defaults:\n- m: a\n- e: x\n- f: y", "m/a": "v: a", "m/b": "v: b", "m/c": "v: c",
     "e/x": "# @package _global_\ndefaults:\n- override /m: b", "f/y": "# @package _global_\ndefaults:\n- override /m: c"}, []),
    ("interpolated choice", {"config": "defaults:\n- data: ml\n- model: ease\n- tuned: ${data}_${model}", "data/ml": "n: 1", "data/bx": "n: 2",
     "model/ease": "l2: 1", "tuned/ml_ease": "v: 1", "tuned/bx_ease": "v: 2"}, ["data=bx"]),
    ("duplicate group", {"config": "defaults:\n- db: mysql\n- db: mysql", "db/mysql": "n: 1"}, []),
    ("duplicate group, other option", {"config": "defaults:\n- db: mysql\n- db: pg", "db/mysql": "n: 1", "db/pg": "n: 1"}, []),
    ("duplicate self", {"config": "defaults:\n- _self_\n- _self_\na: 1"}, []),
    ("merging", {"config": "defaults:\n- a: x\n- b: y", "a/x": "# @package _global_\nd: {k: 1, l: [1, 2], m: null, n: {o: 1}}",
     "b/y": "# @package _global_\nd: {l: [3], m: {p: 1}, n: 5}"}, []),
    ("change values", {"config": "a: 1\nb: {c: 2, d: [1, 2]}\ne: null"}, ["a=x", "b.c=null", "b.d=[3]", "e=5"]),
    ("change an unknown key", {"config": "a: 1"}, ["b=1"]),
    ("change an unknown nested key", {"config": "a: {b: 1}"}, ["a.c=1"]),
    ("change a section", {"config": "a: {b: 1, c: 2}"}, ["a={b: 3}"]),
    ("change an unknown key of a section", {"config": "a: {b: 1}"}, ["a={c: 3}"]),
    ("change a list item", {"config": "a: [1, 2]"}, ["a.1=3"]),
    ("change a list item that is not there", {"config": "a: [1, 2]"}, ["a.2=3"]),
    ("a section from null", {"config": "a: null"}, ["a={b: 1}"]),
    ("null for a section", {"config": "a: {b: 1}"}, ["a=null"]),
    ("text for a section", {"config": "a: {b: 1}"}, ["a=x"]),
    ("add", {"config": "a: {b: 1}"}, ["+a.c=2", "+d.e.f=3", "+g={h: 1}"]),
    ("add what is there", {"config": "a: 1"}, ["+a=2"]),
    ("add what is null", {"config": "a: null"}, ["+a=2"]),
    ("add into a section", {"config": "a: {b: 1}"}, ["+a={c: 2}"]),
    ("add below a value", {"config": "a: 1"}, ["+a.b=2"]),
    ("add a list that is there", {"config": "a: [1]"}, ["+a=[2]"]),
    ("force", {"config": "a: {b: 1}"}, ["++a.b=2", "++a.c=3", "++d=4"]),
    ("delete", {"config": "a: {b: 1, c: 2}\nd: 3"}, ["~a.b", "~d=3"]),
    ("delete a section", {"config": "a: {b: 1, c: 2}\nd: 3"}, ["~a"]),
    ("delete what is not there", {"config": "a: 1"}, ["~b"]),
    ("delete another value", {"config": "a: 1"}, ["~a=2"]),
    ("order of overrides", {"config": "a: 1"}, ["a=2", "a=3", "+b=1", "b=2"]),
    ("sweep outside a multirun", {"config": "a: 1"}, ["a=1,2"]),
    ("range outside a multirun", {"config": "a: 1"}, ["a=range(3)"]),
    ("group at an unknown package", {"config": "a: 1"}, ["a@b=1"]),
    ("interpolations stay", {"config": "a: 1\nb: ${a}"}, ["b=x${a}"]),
    ("yaml scalars", {"config": "a: yes\nb: off\nc: 1e-3\nd: 1_000\ne: .5\nf: '1'\ng: 0x10\nh: ~\ni: 2020-01-01\nj: 1.\nk: +5\nl: on"}, []),
    ("yaml anchors", {"config": "a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}\ne: *a"}, []),
    ("no primary", {"other": "a: 1"}, []),
    ("broken item", {"config": "defaults:\n- {a: b, c: d}", "a/b": "", "c/d": ""}, []),
    ("defaults not a list", {"config": "defaults: {a: b}", "a/b": "x: 1"}, []),
    ("empty file", {"config": "defaults:\n- a: b\n- _self_\nx: 1", "a/b": ""}, []),
]


def number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    return value


def plain(value):
    """JSON of a parsed element; the types of keys are dropped, since keys are text for us."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (ChoiceSweep, RangeSweep, IntervalSweep, Glob)):
        raise ValueError("a sweep inside a value")
    return number(value)


def parsed(text, parser):
    try:
        override = parser.parse_override(text)
        value = override._value
        out = {"action": override.type.name, "key": override.key_or_group, "package": override.package}
        if override.value_type is None:
            return out
        tags = sorted(getattr(value, "tags", []))
        if isinstance(value, ChoiceSweep):
            kind = {"sweep": "choice", "values": plain(value.list), "simple": value.simple_form, "shuffle": value.shuffle}
        elif isinstance(value, RangeSweep):
            values = None if value.shuffle else [number(v) for v in value.range()]
            kind = {"sweep": "range", "values": values, "shuffle": value.shuffle}
        elif isinstance(value, IntervalSweep):
            kind = {"sweep": "interval", "start": value.start, "end": value.end}
        elif isinstance(value, Glob):
            kind = {"sweep": "glob", "include": value.include, "exclude": value.exclude}
        else:
            kind = {"value": plain(value)}
        return out | kind | ({"tags": tags} if tags else {})
    except Exception as error:
        return {"error": type(error).__name__}


def composed(files, overrides):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = pathlib.Path(directory, name + ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        try:
            with initialize_config_dir(directory, version_base="1.3"):
                config = compose("config", overrides=overrides)
            return {"config": OmegaConf.to_container(config, resolve=False)}
        except Exception as error:
            return {"error": type(error).__name__}


def main():
    here = pathlib.Path(__file__).parent
    parser = OverridesParser.create()
    texts = OVERRIDES + sorted({word for line in COMMANDS.split("\n") for word in shlex.split(line)})
    cases = [{"text": text} | parsed(text, parser) for text in texts]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (here / "overrides.json").write_text(f'{{"made_by": {json.dumps(VERSIONS)}, "cases": [\n{lines}\n]}}\n')
    cases = [{"name": name, "files": files, "overrides": overrides} | composed(files, overrides) for name, files, overrides in COMPOSITIONS]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (here / "compose.json").write_text(f'{{"made_by": {json.dumps(VERSIONS)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
