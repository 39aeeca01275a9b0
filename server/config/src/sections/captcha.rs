//! Proof that a person registers.

use crate::reader::Reader;
use crate::secret::Secret;

/// reCAPTCHA. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct CaptchaConfig {
    pub enable_registration_captcha: bool,
    pub recaptcha_public_key: Option<String>,
    pub recaptcha_private_key: Option<Secret>,
    pub recaptcha_siteverify_api: String,
}

const NONE: &str = "no captcha is asked for";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> CaptchaConfig {
    CaptchaConfig {
        recaptcha_public_key: r.not_yet(NONE).text_or_file(
            "recaptcha_public_key",
            "recaptcha_public_key_path",
            "The site's key.",
        ),
        recaptcha_private_key: r.not_yet(NONE).secret(
            "recaptcha_private_key",
            "recaptcha_private_key_path",
            "The site's secret.",
        ),
        enable_registration_captcha: r.not_yet(NONE).get(
            "enable_registration_captcha",
            "false",
            "Whether a new user has to solve one.",
        ),
        recaptcha_siteverify_api: r.not_yet(NONE).get(
            "recaptcha_siteverify_api",
            "https://www.recaptcha.net/recaptcha/api/siteverify",
            "Where answers are checked.",
        ),
    }
}
