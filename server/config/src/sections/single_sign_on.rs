//! Logging in with somebody else's help.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::fault::FaultKind;
use crate::reader::Reader;
use crate::setting::Choice;

const NONE: &str = "there is no single sign-on yet";
const SAML: &str = "SAML is not spoken; an OpenID Connect provider can speak it for you";

/// How a client proves itself to an OpenID provider.
#[derive(Clone, Copy, Default)]
enum ClientAuthMethod {
    #[default]
    Basic,
    Post,
    None,
}

impl Choice for ClientAuthMethod {
    const WORDS: &'static [(&'static str, Self)] =
        &[("client_secret_basic", Self::Basic), ("client_secret_post", Self::Post), ("none", Self::None)];
}

/// Whether a code is bound to who asked for it.
#[derive(Clone, Copy, Default)]
enum PkceMethod {
    #[default]
    Auto,
    Always,
    Never,
}

impl Choice for PkceMethod {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}

/// Where a user's name comes from.
#[derive(Clone, Copy, Default)]
enum ProfileMethod {
    #[default]
    Auto,
    UserinfoEndpoint,
}

impl Choice for ProfileMethod {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("userinfo_endpoint", Self::UserinfoEndpoint)];
}

pub(crate) fn read(r: &mut Reader<'_, '_>) {
    authentication_service(r);
    r.never(SAML).group("saml2_config", "Login by SAML.", saml);
    r.not_yet(NONE).list("oidc_providers", "[]", "Login by OpenID Connect.", openid_provider);
    r.never("it is older than `oidc_providers`; use that").know::<Map<String, Value>>(
        "oidc_config",
        "{}",
        "Login by OpenID Connect (old form).",
    );
    r.not_yet(NONE).group("cas_config", "Login by CAS.", cas);
    r.not_yet(NONE).group("sso", "What all of these have in common.", |r| {
        r.know::<Option<Vec<String>>>(
            "client_whitelist",
            "null",
            "Addresses of clients that get the login without a question.",
        );
        r.know::<bool>(
            "update_profile_information",
            "false",
            "Whether name and avatar are taken over at every login.",
        );
        r.know::<Option<PathBuf>>("template_dir", "null", "Directory of the pages (old form).");
    });
    r.not_yet("tokens of others are not taken").group(
        "jwt_config",
        "Login by JSON web token.",
        json_web_token,
    );
}

/// A server that lets users in itself, although its operator has given that away, is not what was meant.
fn authentication_service(r: &mut Reader<'_, '_>) {
    r.not_yet("this server lets users in itself").group(
        "matrix_authentication_service",
        "Leaving logins to a Matrix Authentication Service.",
        |r| {
            let enabled: bool = r.get("enabled", "false", "Whether they are.");
            r.know::<String>("endpoint", "http://localhost:8080", "Where it is.");
            r.know::<bool>("force_http2", "false", "Whether to speak HTTP/2 without asking.");
            r.secret("secret", "secret_path", "The secret shared with it.");
            if enabled {
                r.fault(FaultKind::Conflict, "enabled", "not possible yet: this server lets users in itself");
            }
        },
    );
}

fn saml(r: &mut Reader<'_, '_>) {
    r.know::<bool>("enabled", "true", "Whether it is in use (old form).");
    r.know::<String>("idp_name", "SAML", "Name of the provider.");
    r.know::<Option<String>>("idp_icon", "null", "Its picture, an `mxc` address.");
    r.know::<Option<String>>("idp_brand", "null", "Its kind.");
    r.know::<Option<Map<String, Value>>>("sp_config", "null", "Settings of the Python library.");
    r.know::<Option<PathBuf>>("config_path", "null", "A file with more of them.");
    r.know::<Duration>("saml_session_lifetime", "15m", "How long a login may take.");
    mapping_provider(r);
    r.know::<Option<String>>(
        "grandfathered_mxid_source_attribute",
        "uid",
        "Attribute that names users of old.",
    );
    attribute_requirements(r);
    r.know::<Option<String>>("idp_entityid", "null", "Which of several providers.");
    r.know::<Option<PathBuf>>("template_dir", "null", "Directory of the pages (old form).");
    for name in ["mxid_source_attribute", "mxid_mapping"] {
        r.know::<Option<String>>(name, "null", "How user names are made (old form).");
    }
}

fn attribute_requirements(r: &mut Reader<'_, '_>) {
    r.list("attribute_requirements", "[]", "Attributes that a user has to have.", |r| {
        r.know::<Option<String>>("attribute", "null", "The attribute.");
        r.know::<Option<String>>("value", "null", "Its value.");
        r.know::<Option<Vec<String>>>("one_of", "null", "Or one of these.");
    });
}

fn mapping_provider(r: &mut Reader<'_, '_>) {
    r.group("user_mapping_provider", "How a user's name is made.", |r| {
        r.know::<Option<String>>("module", "null", "A Python module; none for the built-in way.");
        r.know::<Map<String, Value>>("config", "{}", "Its settings.");
    });
}

fn openid_provider(r: &mut Reader<'_, '_>) {
    r.require::<String>("idp_id", "A short name, part of addresses.");
    r.require::<String>("idp_name", "A name for people.");
    r.know::<Option<String>>("idp_icon", "null", "A picture, an `mxc` address.");
    r.know::<Option<String>>("idp_brand", "null", "Its kind, so that clients know how to show it.");
    r.know::<Option<String>>("unstable_idp_brand", "null", "The same (old form).");
    r.know::<bool>("discover", "true", "Whether the provider is asked for its addresses.");
    r.require::<String>("issuer", "The provider's address.");
    r.require::<String>("client_id", "How it knows this server.");
    r.secret("client_secret", "client_secret_path", "How this server proves itself.");
    r.group("client_secret_jwt_key", "Or the key to make a proof with.", |r| {
        r.secret("key", "key_file", "The private key in PEM.");
        r.know::<Map<String, Value>>("jwt_header", "{}", "Header of the proof; `alg` is needed.");
        r.know::<Map<String, Value>>("jwt_payload", "{}", "What the proof says.");
    });
    r.know::<Option<ClientAuthMethod>>("client_auth_method", "null", "How the proof is sent.");
    r.know::<Option<PkceMethod>>("pkce_method", "null", "Whether the code is bound to the login (PKCE).");
    r.know::<Option<Vec<String>>>(
        "id_token_signing_alg_values_supported",
        "null",
        "Ways of signing that are taken.",
    );
    r.know::<Option<Vec<String>>>("scopes", "null", "What to ask for; `openid` if not given.");
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        r.know::<Option<String>>(name, "null", "An address of the provider, if it is not asked for it.");
    }
    r.know::<bool>("skip_verification", "false", "Whether its answers are not checked.");
    r.know::<Option<ProfileMethod>>("user_profile_method", "null", "Where a user's name comes from.");
    r.know::<Option<String>>("redirect_uri", "null", "Where users come back to, if not to this server.");
    r.know::<BTreeMap<String, String>>("additional_authorization_parameters", "{}", "More in the request.");
    r.know::<Vec<String>>(
        "passthrough_authorization_parameters",
        "[]",
        "Passed on from the client's request.",
    );
    r.know::<bool>("allow_existing_users", "false", "Whether a user of the same name is taken for the same.");
    r.know::<bool>("enable_registration", "true", "Whether new users are made.");
    mapping_provider(r);
    attribute_requirements(r);
    r.know::<bool>("backchannel_logout_enabled", "false", "Whether the provider can log users out.");
    r.know::<bool>(
        "backchannel_logout_ignore_sub",
        "false",
        "Whether the user in its request is not checked.",
    );
}

fn cas(r: &mut Reader<'_, '_>) {
    let enabled: bool = r.get("enabled", "false", "Whether it is in use.");
    r.know::<String>("idp_name", "CAS", "Name of the provider.");
    r.know::<Option<String>>("idp_icon", "null", "Its picture, an `mxc` address.");
    r.know::<Option<String>>("idp_brand", "null", "Its kind.");
    let server_url: Option<String> = r.get("server_url", "null", "Its address.");
    r.know::<Option<String>>("service_url", "null", "This server's address (old form).");
    r.know::<Option<u32>>("protocol_version", "null", "Version of CAS.");
    r.know::<Option<String>>("displayname_attribute", "null", "Attribute that holds the name.");
    r.know::<BTreeMap<String, Option<String>>>(
        "required_attributes",
        "{}",
        "Attributes that a user has to have.",
    );
    r.know::<bool>("enable_registration", "true", "Whether new users are made.");
    r.know::<bool>("allow_numeric_ids", "false", "Whether user names of digits are taken.");
    r.know::<String>("numeric_ids_prefix", "u", "What is put before them.");
    if enabled && server_url.is_none() {
        r.conflict("server_url", "needed, because `cas_config` is enabled");
    }
}

fn json_web_token(r: &mut Reader<'_, '_>) {
    let enabled: bool = r.get("enabled", "false", "Whether it is in use.");
    r.secret("secret", "secret_path", "Secret or public key that the tokens are signed with.");
    let algorithm: Option<String> = r.get("algorithm", "null", "How they are signed.");
    r.know::<Option<String>>("subject_claim", "sub", "Claim that holds the user.");
    r.know::<Option<String>>("display_name_claim", "null", "Claim that holds the name.");
    r.know::<Option<String>>("issuer", "null", "Issuer that they must have.");
    r.know::<Option<Vec<String>>>("audiences", "null", "Audiences that they must have one of.");
    let has_secret = r.given("secret").is_some() || r.given("secret_path").is_some();
    if enabled && (algorithm.is_none() || !has_secret) {
        r.conflict("enabled", "needs `secret` and `algorithm`");
    }
}
