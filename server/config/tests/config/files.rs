//! Several files, and directories of them.

use myelin_config::DatabaseConfig;

use crate::support::Files;

#[test]
fn a_directory_stands_for_its_yaml_files_by_code_point() {
    let files = Files::new(&[
        ("homeserver.yaml", "server_name: a.b\nbcrypt_rounds: 4\n"),
        ("conf.d/9.yaml", "bcrypt_rounds: 9\n"),
        ("conf.d/10.yaml", "bcrypt_rounds: 10\n"),
        ("conf.d/Z.yaml", "web_client_location: Z\n"),
        ("conf.d/a.yaml", "web_client_location: a\n"),
        ("conf.d/ä.yaml", "web_client_location: ä\n"),
        ("conf.d/skipped.yml", "bcrypt_rounds: 30\n"),
        ("conf.d/README", "text\n"),
        ("conf.d/notes", "text\n"),
        ("conf.d/below/x.yaml", "bcrypt_rounds: 31\n"),
    ]);
    let loaded = files.load_paths(&["homeserver.yaml", "conf.d"]);
    let mut faults = files.faults_of(&loaded);
    faults.sort();
    assert_eq!(
        faults,
        [
            "warning: conf.d/below: skipped: not a regular file",
            "warning: conf.d/notes: skipped: its name does not end in .yaml",
            "warning: conf.d/skipped.yml: skipped: its name does not end in .yaml",
        ]
    );
    let config = loaded.config().unwrap();
    assert_eq!(config.registration.bcrypt_rounds, 9);
    assert_eq!(config.server.web_client_location.as_deref(), Some("ä"));
}

#[test]
fn files_count_in_the_order_of_the_command_line() {
    let files = Files::new(&[("z.yaml", "server_name: z.z\n"), ("a.yaml", "server_name: a.a\n")]);
    assert_eq!(files.config().server.server_name, "a.a");
    assert_eq!(files.load_paths(&["a.yaml", "z.yaml"]).config().unwrap().server.server_name, "z.z");
}

#[test]
fn a_later_file_replaces_a_key_whole_and_what_it_drops_is_named() {
    let files = Files::new(&[
        ("a.yaml", "server_name: a.b\ndatabase:\n  name: psycopg2\n  args:\n    host: db\n    cp_max: 9\n"),
        ("b.yaml", "# mine\ndatabase:\n  args:\n    database: /x.db\n"),
    ]);
    assert_eq!(
        files.faults(),
        [
            "warning: b.yaml:2: database: replaces the mapping of a.yaml:3 and drops its `name`; tag it `!merge` to keep them"
        ]
    );
    let DatabaseConfig::Sqlite(database) = files.config().database else { panic!("not replaced") };
    assert_eq!(database.path.to_str(), Some("/x.db"));
}

#[test]
fn lists_are_replaced_and_not_joined() {
    let files = Files::new(&[
        ("a.yaml", "server_name: a.b\nauto_join_rooms: ['#a:b', '#c:d']\n"),
        ("b.yaml", "auto_join_rooms: ['#e:f']\n"),
    ]);
    assert_eq!(files.config().registration.auto_join_rooms, ["#e:f"]);
}

#[test]
fn a_mapping_tagged_merge_is_laid_over_key_by_key() {
    let files = Files::new(&[
        (
            "a.yaml",
            "server_name: a.b\ndatabase:\n  name: psycopg2\n  args:\n    host: db\n    user: u\n    cp_max: 9\n",
        ),
        ("b.yaml", "database: !merge\n  args: !merge\n    cp_max: 20\n    dbname: m\n"),
    ]);
    let without_effect =
        "warning: b.yaml:3: database.args.cp_max: has no effect yet: the number of connections is fixed";
    assert_eq!(files.faults(), [without_effect]);
    let DatabaseConfig::Postgres(database) = files.config().database else { panic!("not kept") };
    assert_eq!(database.host.as_deref(), Some("db"));
    assert_eq!(database.database.as_deref(), Some("m"));
    assert_eq!(database.pool_max_connections, 20);
}

#[test]
fn a_mapping_inside_a_merged_one_is_replaced_unless_tagged_too() {
    let files = Files::new(&[
        ("a.yaml", "server_name: a.b\ndatabase:\n  name: psycopg2\n  args: {host: db, cp_max: 9}\n"),
        ("b.yaml", "database: !merge\n  args: {user: u}\n"),
    ]);
    let DatabaseConfig::Postgres(database) = files.config().database else { panic!("not kept") };
    assert_eq!((database.host.as_deref(), database.user.as_deref()), (None, Some("u")));
    assert_eq!(database.pool_max_connections, 5);
}

#[test]
fn merging_into_nothing_sets_and_into_no_mapping_is_refused() {
    let alone = Files::new(&[("a.yaml", "server_name: a.b\npassword_config: !merge {enabled: false}\n")]);
    assert_eq!(alone.config().passwords.enabled, myelin_config::PasswordMode::Off);
    let onto_list = Files::new(&[
        ("a.yaml", "server_name: a.b\npassword_config: []\n"),
        ("b.yaml", "password_config: !merge {enabled: false}\n"),
    ]);
    assert_eq!(
        onto_list.faults(),
        ["error: b.yaml:1: password_config: `!merge` needs an earlier mapping, found a list of 0"]
    );
}

#[test]
fn a_merge_tag_that_merges_nothing_is_named() {
    let files = Files::new(&[("a.yaml", "server_name: a.b\nrc_login:\n  address: !merge {per_second: 1}\n")]);
    assert_eq!(
        files.faults(),
        [
            "warning: a.yaml:3: rc_login.address: `!merge` has no effect here: the mapping around it is not tagged"
        ]
    );
}

#[test]
fn empty_files_and_files_without_a_mapping_are_skipped_and_told() {
    let files = Files::new(&[
        ("a.yaml", "server_name: a.b\n"),
        ("b.yaml", "null\n"),
        ("c.yaml", "- 1\n"),
        ("d.yaml", ""),
        ("only-comments.yaml", "# settings are in other files\n\n  # all of them\n"),
    ]);
    let told = "skipped: empty, or not a mapping of keys to values";
    let expected: Vec<String> =
        ["b", "c", "d"].iter().map(|name| format!("warning: {name}.yaml: {told}")).collect();
    assert_eq!(files.faults(), expected);
    assert_eq!(files.config().server.server_name, "a.b");
}

#[test]
fn a_missing_file_is_an_error() {
    let files = Files::new(&[("a.yaml", "server_name: a.b\n")]);
    let loaded = files.load_paths(&["a.yaml", "b.yaml"]);
    assert!(
        files.faults_of(&loaded)[0].starts_with("error: b.yaml: cannot read it: "),
        "{:?}",
        files.faults_of(&loaded)
    );
}

#[test]
fn a_file_that_is_not_utf8_is_an_error_and_shows_nothing_of_itself() {
    let files = Files::new(&[("a.yaml", "server_name: a.b\n")]);
    std::fs::write(files.path("a.yaml"), b"secret: \xff\n").unwrap();
    assert_eq!(files.faults()[0], "error: a.yaml: cannot read it: not UTF-8 at byte 8");
}
