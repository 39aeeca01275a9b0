//! The other candidate: a persistent tree with shared nodes, as small as it takes to measure it.
//!
//! Inner nodes have 16 children, chosen by four bits of the key's hash; leaves have up to 16 entries. A change writes
//! new nodes from the leaf up to a new root. Nodes are rows with a blob. There is no purge: it would have to mark
//! what is still reachable.

use std::{collections::HashMap, env, time::Instant};

use myelin_storage::state::StateKey;
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::{report, report_bytes};

const FANOUT: usize = 16;

enum Node {
    Inner([i64; FANOUT]),
    Leaf(Vec<(u64, i64)>),
}

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

struct Tree {
    database: Database,
    next: i64,
    /// Lives as long as the file in it.
    _folder: Option<tempfile::TempDir>,
}

/// Numbers as LEB128, so that nodes are as small as they can be.
fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

impl Node {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Inner(children) => {
                bytes.push(0);
                children.iter().for_each(|child| push(&mut bytes, *child as u64));
            }
            Self::Leaf(entries) => {
                bytes.push(1);
                for (key, event) in entries {
                    push(&mut bytes, *key);
                    push(&mut bytes, *event as u64);
                }
            }
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Self {
        let (kind, mut rest) = (bytes[0], &bytes[1..]);
        if kind == 0 {
            let mut children = [0; FANOUT];
            children.iter_mut().for_each(|child| *child = pull(&mut rest).unwrap() as i64);
            return Self::Inner(children);
        }
        let mut entries = Vec::new();
        while let Some(key) = pull(&mut rest) {
            entries.push((key, pull(&mut rest).unwrap() as i64));
        }
        Self::Leaf(entries)
    }
}

fn child_of(key: u64, level: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (60 - 4 * level)) as usize & (FANOUT - 1)
}

impl Tree {
    async fn open() -> Result<Self, sqlx::Error> {
        let (database, folder) = if env::var("TEST_ENGINE").is_ok_and(|engine| engine == "postgres") {
            let mut conn = PgConnection::connect(&env::var("TEST_POSTGRES_URL").unwrap()).await?;
            sqlx::raw_sql("DROP TABLE IF EXISTS nodes; CREATE TABLE nodes (nid BIGINT PRIMARY KEY, node BYTEA NOT NULL)")
                .execute(&mut conn)
                .await?;
            (Database::Postgres(conn), None)
        } else {
            let folder = tempfile::TempDir::new()?;
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("tree.db").display());
            let mut conn = SqliteConnection::connect(&url).await?;
            sqlx::raw_sql(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; \
                 CREATE TABLE nodes (nid INTEGER PRIMARY KEY, node BLOB NOT NULL) STRICT",
            )
            .execute(&mut conn)
            .await?;
            (Database::Sqlite(conn), Some(folder))
        };
        Ok(Self { database, next: 1, _folder: folder })
    }

    async fn run(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        match &mut self.database {
            Database::Sqlite(conn) => sqlx::raw_sql(text).execute(conn).await.map(drop),
            Database::Postgres(conn) => sqlx::raw_sql(text).execute(conn).await.map(drop),
        }
    }

    async fn number(&mut self, sqlite: &'static str, postgres: &'static str) -> Result<i64, sqlx::Error> {
        match &mut self.database {
            Database::Sqlite(conn) => sqlx::query(sqlite).fetch_one(conn).await?.try_get(0),
            Database::Postgres(conn) => sqlx::query(postgres).fetch_one(conn).await?.try_get(0),
        }
    }

    async fn read(&mut self, nids: &[i64]) -> Result<Vec<(i64, Node)>, sqlx::Error> {
        let list = serde_json::to_string(nids).unwrap();
        let rows: Vec<(i64, Vec<u8>)> = match &mut self.database {
            Database::Sqlite(conn) => {
                sqlx::query_as("SELECT nid, node FROM nodes WHERE nid IN (SELECT value FROM json_each($1))")
                    .bind(list)
                    .fetch_all(conn)
                    .await?
            }
            Database::Postgres(conn) => {
                sqlx::query_as("SELECT nid, node FROM nodes WHERE nid = ANY ($1)")
                    .bind(nids)
                    .fetch_all(conn)
                    .await?
            }
        };
        Ok(rows.into_iter().map(|(nid, node)| (nid, Node::decode(&node))).collect())
    }

    async fn read_one(&mut self, nid: i64) -> Result<Node, sqlx::Error> {
        Ok(self.read(&[nid]).await?.remove(0).1)
    }

    async fn write(&mut self, node: &Node) -> Result<i64, sqlx::Error> {
        let nid = self.next;
        self.next += 1;
        const INSERT: &str = "INSERT INTO nodes (nid, node) VALUES ($1, $2)";
        match &mut self.database {
            Database::Sqlite(conn) => {
                sqlx::query(INSERT).bind(nid).bind(node.encode()).execute(conn).await?;
            }
            Database::Postgres(conn) => {
                sqlx::query(INSERT).bind(nid).bind(node.encode()).execute(conn).await?;
            }
        }
        Ok(nid)
    }

    async fn apply(&mut self, root: i64, key: u64, event: i64) -> Result<i64, sqlx::Error> {
        let (mut path, mut at, mut level) = (Vec::new(), root, 0);
        let mut entries = loop {
            if at == 0 {
                break Vec::new();
            }
            match self.read_one(at).await? {
                Node::Inner(children) => {
                    at = children[child_of(key, level)];
                    path.push(children);
                    level += 1;
                }
                Node::Leaf(entries) => break entries,
            }
        };
        entries.retain(|(found, _)| *found != key);
        entries.push((key, event));
        let mut nid = if entries.len() <= FANOUT {
            self.write(&Node::Leaf(entries)).await?
        } else {
            let mut split: [Vec<(u64, i64)>; FANOUT] = Default::default();
            entries.into_iter().for_each(|entry| split[child_of(entry.0, level)].push(entry));
            let mut children = [0; FANOUT];
            for (child, entries) in children.iter_mut().zip(split) {
                if !entries.is_empty() {
                    *child = self.write(&Node::Leaf(entries)).await?;
                }
            }
            self.write(&Node::Inner(children)).await?
        };
        while let Some(mut children) = path.pop() {
            children[child_of(key, path.len() as u32)] = nid;
            nid = self.write(&Node::Inner(children)).await?;
        }
        Ok(nid)
    }

    async fn find(&mut self, root: i64, key: u64) -> Result<Option<i64>, sqlx::Error> {
        let (mut at, mut level) = (root, 0);
        while at != 0 {
            match self.read_one(at).await? {
                Node::Inner(children) => at = children[child_of(key, level)],
                Node::Leaf(entries) => {
                    return Ok(entries.iter().find(|(found, _)| *found == key).map(|entry| entry.1));
                }
            }
            level += 1;
        }
        Ok(None)
    }

    /// The entries below some nodes, level by level.
    async fn entries(&mut self, roots: Vec<i64>) -> Result<HashMap<u64, i64>, sqlx::Error> {
        let (mut entries, mut level) = (HashMap::new(), roots);
        while !level.is_empty() {
            let nodes = self.read(&level).await?;
            level.clear();
            for (_, node) in nodes {
                match node {
                    Node::Inner(children) => level.extend(children.into_iter().filter(|child| *child != 0)),
                    Node::Leaf(found) => entries.extend(found),
                }
            }
        }
        Ok(entries)
    }

    /// How many keys differ: shared nodes are not read.
    async fn difference(&mut self, one: i64, other: i64) -> Result<usize, sqlx::Error> {
        let (mut pairs, mut ones, mut others) = (vec![(one, other)], Vec::new(), Vec::new());
        while !pairs.is_empty() {
            let nids: Vec<i64> = pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
            let nodes: HashMap<i64, Node> = self.read(&nids).await?.into_iter().collect();
            let mut below = Vec::new();
            for (one, other) in pairs {
                match (nodes.get(&one), nodes.get(&other)) {
                    (Some(Node::Inner(first)), Some(Node::Inner(second))) => {
                        below.extend(
                            first.iter().copied().zip(second.iter().copied()).filter(|(a, b)| a != b),
                        );
                    }
                    _ => {
                        ones.push(one);
                        others.push(other);
                    }
                }
            }
            pairs = below;
        }
        let (ones, others) = (self.entries(ones).await?, self.entries(others).await?);
        let changed = others.iter().filter(|(key, event)| ones.get(key) != Some(event)).count();
        Ok(changed + ones.keys().filter(|key| !others.contains_key(key)).count())
    }

    async fn size_bytes(&mut self) -> Result<i64, sqlx::Error> {
        self.number(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            "SELECT pg_total_relation_size('nodes')",
        )
        .await
    }
}

pub(crate) async fn run(changes: &[StateKey]) -> Result<(), sqlx::Error> {
    let mut tree = Tree::open().await?;
    println!("a persistent tree");
    let mut keys: HashMap<&StateKey, u64> = HashMap::new();
    let before = tree.size_bytes().await?;
    let mut roots = vec![0];
    let mut last_thousand = Instant::now();
    for (number, key) in changes.iter().enumerate() {
        if number == changes.len() - 1_000 {
            last_thousand = Instant::now();
        }
        if number % 100 == 0 {
            tree.run(if number == 0 { "BEGIN" } else { "COMMIT; BEGIN" }).await?;
        }
        let count = keys.len() as u64;
        let key = *keys.entry(key).or_insert(count + 1);
        let root = tree.apply(roots[number], key, number as i64 + 1).await?;
        roots.push(root);
    }
    tree.run("COMMIT").await?;
    report("a join in a room of 50,000", last_thousand.elapsed(), 1_000);
    report_bytes("a state change", tree.size_bytes().await? - before, changes.len());
    let newest = *roots.last().unwrap();
    let started = Instant::now();
    for key in 1..=1_000 {
        assert!(tree.find(newest, key * 49).await?.is_some());
    }
    report("a look-up of one key", started.elapsed(), 1_000);
    let started = Instant::now();
    assert_eq!(tree.entries(vec![newest]).await?.len(), keys.len());
    report("the whole state of 50,200 keys, without their names", started.elapsed(), 1);
    for apart in [1, 100, 10_000] {
        let started = Instant::now();
        for _ in 0..10 {
            tree.difference(roots[roots.len() - 1 - apart], newest).await?;
        }
        report(&format!("the difference of two states, {apart} changes apart"), started.elapsed(), 10);
    }
    if let Database::Postgres(conn) = &mut tree.database {
        sqlx::raw_sql("DROP TABLE nodes").execute(conn).await?;
    }
    Ok(())
}
