//! Mail.

use std::path::PathBuf;
use std::time::Duration;

use crate::reader::Reader;

/// Templates that the block may name, one by one; the directory of `templates` is the better way.
const TEMPLATES: [&str; 18] = [
    "notif_template_html",
    "notif_template_text",
    "expiry_template_html",
    "expiry_template_text",
    "password_reset_template_html",
    "password_reset_template_text",
    "password_reset_template_failure_html",
    "password_reset_template_success_html",
    "registration_template_html",
    "registration_template_text",
    "registration_template_failure_html",
    "registration_template_success_html",
    "add_threepid_template_html",
    "add_threepid_template_text",
    "add_threepid_template_failure_html",
    "add_threepid_template_success_html",
    "already_in_use_template_html",
    "already_in_use_template_text",
];

pub(crate) fn read(r: &mut Reader<'_, '_>) {
    const NONE: &str = "no mail is sent yet";
    r.not_yet(NONE).group("email", "Sending mail: notifications, and checks of addresses.", |r| {
        r.know::<String>("smtp_host", "localhost", "Host of the mail server.");
        r.know::<Option<u16>>("smtp_port", "null", "Its port: 25, or 465 with `force_tls`.");
        r.know::<Option<String>>("smtp_user", "null", "User there.");
        r.secret("smtp_pass", "smtp_pass_path", "That user's password.");
        r.know::<bool>("force_tls", "false", "Whether the connection starts with TLS.");
        r.know::<bool>("require_transport_security", "false", "Whether a connection without TLS is refused.");
        r.know::<bool>("enable_tls", "true", "Whether STARTTLS is used where the server has it.");
        r.know::<Option<String>>("tlsname", "null", "Name in its certificate, if it is not `smtp_host`.");
        r.know::<Option<String>>("notif_from", "null", "Sender of mails; `%(app)s` stands for `app_name`.");
        r.know::<String>("app_name", "Matrix", "What the mails call this service.");
        r.know::<bool>("enable_notifs", "false", "Whether users can get mail about messages.");
        r.know::<bool>("notif_for_new_users", "true", "Whether new users do without asking for it.");
        r.know::<Duration>(
            "notif_delay_before_mail",
            "10m",
            "How long a message waits to be read before that.",
        );
        r.know::<String>("client_base_url", "https://matrix.to", "Where links in mails lead to.");
        r.know::<Option<String>>("riot_base_url", "null", "Where links in mails lead to (old form).");
        r.know::<Duration>("validation_token_lifetime", "1h", "How long the link of a check is good.");
        r.know::<Option<String>>("invite_client_location", "null", "Where the link of an invite leads to.");
        r.know::<Option<PathBuf>>("template_dir", "null", "Directory of the templates (old form).");
        for name in TEMPLATES {
            r.know::<Option<String>>(name, "null", "File name of a template.");
        }
        r.group("subjects", "Subjects of the mails.", subjects);
    });
    r.never("identity servers no longer send mail").know::<bool>(
        "trust_identity_server_for_password_resets",
        "false",
        "Whether identity servers send the mail for a new password (old form).",
    );
}

fn subjects(r: &mut Reader<'_, '_>) {
    for (name, default) in [
        (
            "message_from_person_in_room",
            "\"[%(app)s] You have a message on %(app)s from %(person)s in the %(room)s room...\"",
        ),
        ("message_from_person", "\"[%(app)s] You have a message on %(app)s from %(person)s...\""),
        ("messages_from_person", "\"[%(app)s] You have messages on %(app)s from %(person)s...\""),
        ("messages_in_room", "\"[%(app)s] You have messages on %(app)s in the %(room)s room...\""),
        (
            "messages_in_room_and_others",
            "\"[%(app)s] You have messages on %(app)s in the %(room)s room and others...\"",
        ),
        (
            "messages_from_person_and_others",
            "\"[%(app)s] You have messages on %(app)s from %(person)s and others...\"",
        ),
        (
            "invite_from_person_to_room",
            "\"[%(app)s] %(person)s has invited you to join the %(room)s room on %(app)s...\"",
        ),
        ("invite_from_person", "\"[%(app)s] %(person)s has invited you to chat on %(app)s...\""),
        ("password_reset", "\"[%(server_name)s] Password reset\""),
        ("email_validation", "\"[%(server_name)s] Validate your email\""),
    ] {
        r.know::<String>(name, default, "Subject of such a mail.");
    }
    for (name, default) in [
        (
            "invite_from_person_to_space",
            "\"[%(app)s] %(person)s has invited you to join the %(space)s space on %(app)s...\"",
        ),
        ("email_already_in_use", "\"[%(server_name)s] Email already in use\""),
    ] {
        r.know::<String>(name, default, "Subject of such a mail.");
    }
}
